use std::collections::BTreeMap;

use super::ImageError;
use crate::model::ModelName;

macro_rules! embedded {
    ($($file:literal),+ $(,)?) => {
        &[$(($file, include_str!(concat!("../../templates/", $file)))),+]
    };
}

/// The templates of images that csw carries, by file name below `templates/`.
const EMBEDDED: &[(&str, &str)] = embedded![
    "images/install.sh",
    "images/model.Dockerfile",
    "images/outputs_processor.Dockerfile",
    "images/redis.Dockerfile",
    "images/scheduler.Dockerfile",
];

/// The texts that Dockerfiles are rendered from: those that csw carries, some of them replaced by a project's own, and
/// Dockerfiles of single models.
#[derive(Debug, Clone)]
pub struct ImageTemplates {
    texts: BTreeMap<String, String>,
}

impl Default for ImageTemplates {
    fn default() -> Self {
        Self { texts: EMBEDDED.iter().map(|(file, text)| ((*file).to_owned(), (*text).to_owned())).collect() }
    }
}

impl ImageTemplates {
    /// The templates that csw carries: file name below `templates/` and text, sorted.
    pub fn embedded() -> impl Iterator<Item = (&'static str, &'static str)> {
        EMBEDDED.iter().copied()
    }

    /// The templates with a project's own: file name below `templates/` to text. A name is one of csw's, or
    /// `images/<Owner>/<Title>.Dockerfile` for one model's.
    ///
    /// # Errors
    /// When a name is neither: it would never be used. All such names are told.
    pub fn with_overrides(overrides: impl IntoIterator<Item = (String, String)>) -> Result<Self, ImageError> {
        let mut templates = Self::default();
        let mut unknown = Vec::new();
        for (file, text) in overrides {
            let known = templates.texts.contains_key(&file);
            let of_model = || {
                let name = file.strip_prefix("images/")?.strip_suffix(".Dockerfile")?;
                name.parse::<ModelName>().ok()
            };
            if known || of_model().is_some() {
                templates.texts.insert(file, text);
            } else {
                unknown.push(file);
            }
        }
        if unknown.is_empty() { Ok(templates) } else { Err(ImageError::UnknownTemplates { files: unknown }) }
    }

    /// The Dockerfile of a service: file name and text.
    pub(super) fn of_service(&self, name: &str) -> Option<(String, &str)> {
        let file = format!("images/{name}.Dockerfile");
        let text = self.texts.get(&file)?;
        Some((file, text))
    }

    /// The Dockerfile of a model: file name and text.
    pub(super) fn of_model(&self, model: &ModelName) -> (String, &str) {
        let own = format!("images/{model}.Dockerfile");
        match self.texts.get(&own) {
            Some(text) => (own, text),
            None => {
                let file = "images/model.Dockerfile";
                (file.to_owned(), self.texts.get(file).map(String::as_str).unwrap_or_default())
            }
        }
    }

    /// The script that installs what a model asks for.
    pub(super) fn install_script(&self) -> &str {
        self.texts.get("images/install.sh").map(String::as_str).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_may_replace_files_and_give_a_model_its_own() {
        let text = |file: &str| (file.to_owned(), format!("FROM {file}"));
        let templates =
            ImageTemplates::with_overrides([text("images/redis.Dockerfile"), text("images/A/B.Dockerfile")])
                .unwrap();
        assert_eq!(templates.of_service("redis").unwrap().1, "FROM images/redis.Dockerfile");
        assert_eq!(templates.of_model(&"A/B".parse().unwrap()).1, "FROM images/A/B.Dockerfile");
        assert!(templates.of_model(&"A/C".parse().unwrap()).1.contains("{{ base }}"));
        let error = ImageTemplates::with_overrides([text("images/models.Dockerfile"), text("images/x")])
            .unwrap_err()
            .to_string();
        assert!(error.contains("images/models.Dockerfile") && error.contains("images/x"), "{error}");
    }

    #[test]
    fn every_file_of_the_folder_is_embedded() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/templates/images");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|f| format!("images/{}", f.unwrap().file_name().into_string().unwrap()))
            .collect();
        files.sort();
        assert_eq!(files, ImageTemplates::embedded().map(|(f, _)| f).collect::<Vec<_>>());
    }
}
