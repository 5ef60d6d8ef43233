//! The example models that every csw carries, for whoever has installed it and configured nothing yet.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

/// Path from the project's root and content of every file of the examples and their configuration.
mod files {
    include!(concat!(env!("OUT_DIR"), "/examples.rs"));
}

/// The configuration's folder of the examples below `cache`, laid out as in csw's own source. It is written once: the
/// folder above it is named after its content.
///
/// # Errors
/// When it can't be written.
pub fn config_dir(cache: &Path) -> io::Result<PathBuf> {
    Ok(unpacked(cache)?.join("config"))
}

fn unpacked(cache: &Path) -> io::Result<PathBuf> {
    let parent = cache.join("examples");
    let folder = parent.join(digest());
    if folder.is_dir() {
        return Ok(folder);
    }
    fs::create_dir_all(&parent)?;
    let temporary = tempfile::Builder::new().prefix(".new-").tempdir_in(&parent)?;
    for (name, content) in files::FILES {
        let path = temporary.path().join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, content)?;
    }
    match fs::rename(temporary.path(), &folder) {
        // Another csw was faster.
        Err(_) if folder.is_dir() => Ok(folder),
        Err(e) => Err(e),
        Ok(()) => {
            drop(temporary.keep());
            Ok(folder)
        }
    }
}

fn digest() -> String {
    let mut hash = Sha256::new();
    for (name, content) in files::FILES {
        hash.update(name);
        hash.update([0]);
        hash.update((content.len() as u64).to_be_bytes());
        hash.update(content);
    }
    hash.finalize().iter().take(8).map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_those_of_the_source_and_written_once() {
        let cache = tempfile::tempdir().unwrap();
        let folder = unpacked(cache.path()).unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR"));
        for name in ["config/Examples/Solow.yaml", "examples/solow/cs-config/cs_config/functions.py"] {
            assert_eq!(fs::read(folder.join(name)).unwrap(), fs::read(source.join(name)).unwrap(), "{name}");
        }
        fs::write(folder.join("config/Examples/Solow.yaml"), "edited").unwrap();
        assert_eq!(unpacked(cache.path()).unwrap(), folder);
        assert_eq!(fs::read_to_string(folder.join("config/Examples/Solow.yaml")).unwrap(), "edited");
        let left: Vec<_> = fs::read_dir(folder.parent().unwrap()).unwrap().collect();
        assert_eq!(left.len(), 1, "{left:?}");
    }
}
