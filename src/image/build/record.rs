use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::image::ImageError;
use crate::model::ImageReference;

/// An image to be, and what it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The service (`scheduler`, `outputs_processor`, `redis`) or model (`Owner/Title`).
    pub name: String,
    /// What the image is called, with its tag.
    pub reference: ImageReference,
}

/// What became of one image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BuildRecord {
    /// The service or model.
    pub target: String,
    /// The image, with its tag.
    pub image: ImageReference,
    /// Its id in the engine, `sha256:…`.
    pub id: String,
    /// Its digest in the registry, `sha256:…`; `null` until it is pushed.
    pub digest: Option<String>,
    /// The commit that it was built from; `null` for services, and `local-…` for folders with changes.
    pub commit: Option<String>,
    /// What identifies its content: commit, Dockerfile, arguments and base.
    pub content_key: String,
    /// Seconds that it took.
    pub duration_seconds: f64,
    /// Whether there was nothing to do.
    pub skipped: bool,
}

/// The file that builds write and later steps take (`build.json`).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct BuildRecords {
    /// An image each.
    pub images: Vec<BuildRecord>,
}

impl BuildRecords {
    /// Reads the file.
    ///
    /// # Errors
    /// When it can't be read, or is none that a build wrote.
    pub fn read(path: &Path) -> Result<Self, ImageError> {
        let text = crate::text::read(path).map_err(|e| ImageError::io(path, e))?;
        serde_json::from_str(&text)
            .map_err(|e| ImageError::Records { path: path.to_owned(), reason: e.to_string() })
    }

    /// Writes the file, all of it or nothing.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn write(&self, path: &Path) -> Result<(), ImageError> {
        write_json(path, self)
    }
}

/// Writes a value as JSON for people and programs to read, all of it or nothing.
pub(in crate::image) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), ImageError> {
    let failed = |e| ImageError::io(path, e);
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    std::fs::create_dir_all(folder).map_err(failed)?;
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    serde_json::to_writer_pretty(&mut file, value).map_err(|e| failed(e.into()))?;
    std::io::Write::write_all(&mut file, b"\n").map_err(failed)?;
    #[cfg(unix)]
    std::fs::set_permissions(file.path(), std::os::unix::fs::PermissionsExt::from_mode(0o644))
        .map_err(failed)?;
    file.persist(path).map_err(|e| failed(e.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_back_and_other_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results").join("build.json");
        let records = BuildRecords {
            images: vec![BuildRecord {
                target: "Examples/Solow".into(),
                image: "gcr.io/p/examples_solow_tasks:v1".parse().unwrap(),
                id: "sha256:1".into(),
                digest: None,
                commit: Some("abc".into()),
                content_key: "k".into(),
                duration_seconds: 1.5,
                skipped: false,
            }],
        };
        records.write(&path).unwrap();
        assert_eq!(BuildRecords::read(&path).unwrap(), records);
        std::fs::write(&path, "[]").unwrap();
        let error = BuildRecords::read(&path).unwrap_err().to_string();
        assert!(error.contains("build.json"), "{error}");
    }
}
