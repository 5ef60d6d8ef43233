use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::ImageError;

/// The name of the lock file, beside `csw.yaml`.
pub const LOCK_FILE: &str = "csw-images.lock.json";

/// Which content each base image has: the same build everywhere and next year.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// Base image, as Dockerfiles name it, to what it is locked to.
    pub images: BTreeMap<String, Locked>,
}

/// What a base image is locked to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Locked {
    /// Its digest in the registry.
    Digest(String),
    /// Its id in the engine: no registry has it.
    Id(String),
}

impl Lock {
    /// Where the lock file of a project is.
    pub fn path(root: &Path) -> PathBuf {
        root.join(LOCK_FILE)
    }

    /// Reads the lock file; empty if there is none.
    ///
    /// # Errors
    /// When it can't be read or understood.
    pub fn read(path: &Path) -> Result<Self, ImageError> {
        let wrong = |reason: String| ImageError::Lock { path: path.to_owned(), reason };
        let text = match crate::text::read(path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(e) => return Err(ImageError::io(path, e)),
        };
        let lock: Self = serde_json::from_str(&text).map_err(|e| wrong(e.to_string()))?;
        for (image, locked) in &lock.images {
            let (Locked::Digest(text) | Locked::Id(text)) = locked;
            let hex = |h: &str| {
                h.len() == 64 && h.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
            };
            if !text.strip_prefix("sha256:").is_some_and(hex) {
                return Err(wrong(format!("{image}: `{text}` is no sha256 digest")));
            }
        }
        Ok(lock)
    }

    /// Writes the lock file, all of it or nothing.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn write(&self, path: &Path) -> Result<(), ImageError> {
        super::build::write_json(path, self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_nonsense_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = Lock::path(folder.path());
        assert_eq!(Lock::read(&path).unwrap(), Lock::default());
        let digest = format!("sha256:{}", "ab".repeat(32));
        let mut lock = Lock::default();
        lock.images.insert("python:3.12".into(), Locked::Digest(digest.clone()));
        lock.images.insert("csw-test/x:1".into(), Locked::Id(digest));
        lock.write(&path).unwrap();
        assert_eq!(Lock::read(&path).unwrap(), lock);
        for text in ["{", r#"{"images": {"a": {"digest": "sha256:12"}}}"#, r#"{"image": {}}"#] {
            std::fs::write(&path, text).unwrap();
            assert!(Lock::read(&path).is_err(), "{text}");
        }
    }
}
