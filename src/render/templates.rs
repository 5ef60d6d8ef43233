use std::collections::BTreeMap;

use super::RenderError;

macro_rules! embedded {
    ($($file:literal),+ $(,)?) => {
        &[$(($file, include_str!(concat!("../../templates/", $file)))),+]
    };
}

/// The templates that csw carries, by file name below `templates/`.
const EMBEDDED: &[(&str, &str)] = embedded![
    "models/dask.yaml",
    "models/inputs-server.yaml",
    "models/job-template.yaml",
    "models/job.yaml",
    "models/model.yaml",
    "services/job-cleanup.yaml",
    "services/namespace.yaml",
    "services/network.yaml",
    "services/outputs-processor.yaml",
    "services/redis.yaml",
    "services/scheduler.yaml",
    "services/worker-secret.yaml",
];

/// The texts that objects are rendered from: those that csw carries, some of them replaced by a project's own.
#[derive(Debug, Clone)]
pub struct Templates {
    texts: BTreeMap<&'static str, String>,
}

impl Default for Templates {
    fn default() -> Self {
        Self { texts: EMBEDDED.iter().map(|(file, text)| (*file, (*text).to_owned())).collect() }
    }
}

impl Templates {
    /// The templates that csw carries: file name below `templates/` and text, sorted.
    pub fn embedded() -> impl Iterator<Item = (&'static str, &'static str)> {
        EMBEDDED.iter().copied()
    }

    /// The templates with some replaced: file name below `templates/`, with `/` between folder and file, to text.
    ///
    /// # Errors
    /// When a name is none of csw's: it would never be rendered. All such names are told.
    pub fn with_overrides(
        overrides: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, RenderError> {
        let mut templates = Self::default();
        let mut problems = Vec::new();
        for (file, text) in overrides {
            match templates.texts.get_mut(file.as_str()) {
                Some(known) => *known = text,
                None => problems.push(unknown(&file)),
            }
        }
        if problems.is_empty() { Ok(templates) } else { Err(RenderError::Invalid { problems }) }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.texts.iter().map(|(file, text)| (*file, text.as_str()))
    }
}

fn unknown(file: &str) -> String {
    let nearest = EMBEDDED
        .iter()
        .map(|(known, _)| (strsim::jaro_winkler(known, file), known))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .filter(|(score, _)| *score > 0.8);
    match nearest {
        Some((_, known)) => {
            format!("templates/{file}: is none of csw's templates; did you mean {known}?")
        }
        None => format!(
            "templates/{file}: is none of csw's templates; `csw svc templates export` writes them all"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_replaces_nothing_is_refused() {
        let error = Templates::with_overrides([
            ("models/jobs.yaml".to_owned(), String::new()),
            ("x".to_owned(), String::new()),
        ])
        .unwrap_err()
        .to_string();
        assert!(error.contains("did you mean models/job.yaml?"), "{error}");
        assert!(error.contains("templates/x: is none of"), "{error}");
    }

    #[test]
    fn every_file_of_the_folder_is_embedded() {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/templates");
        let mut files: Vec<String> = ["models", "services"]
            .iter()
            .flat_map(|folder| {
                std::fs::read_dir(format!("{root}/{folder}"))
                    .unwrap()
                    .map(move |f| format!("{folder}/{}", f.unwrap().file_name().into_string().unwrap()))
            })
            .collect();
        files.sort();
        assert_eq!(files, Templates::embedded().map(|(f, _)| f).collect::<Vec<_>>());
    }
}
