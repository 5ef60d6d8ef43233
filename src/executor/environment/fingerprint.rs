//! What identifies the state of a folder that is used in place.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::PrepareProgress;
use super::folders::digest;
use crate::executor::ExecutorError;
use crate::git::{GitError, WorkTree};

/// The commit of a clean git work tree, else `local-` and digits that change with any file's name, size or time.
pub(super) async fn of(folder: &Path, progress: &dyn PrepareProgress) -> Result<String, ExecutorError> {
    let asked = folder.to_owned();
    let failed = |e: tokio::task::JoinError| ExecutorError::io(folder, std::io::Error::other(e));
    match tokio::task::spawn_blocking(move || WorkTree::clean_commit(&asked)).await.map_err(failed)? {
        Ok(Some(commit)) => return Ok(commit),
        Ok(None) | Err(GitError::NoRepository) => {}
        // Without git nobody is told which commit it would be: there may be none.
        Err(GitError::Start(_)) => {}
        Err(e) => {
            let hint = e.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
            progress.note(&format!(
                "the commit of {} is not known, and its files are taken as they are: {e}{hint}",
                folder.display()
            ));
        }
    }
    let mut entries = Vec::new();
    walk(folder, folder, &mut entries)?;
    entries.sort_unstable();
    Ok(format!("local-{}", digest(entries.iter().map(Vec::as_slice))))
}

/// Whether a file or folder of that name is what running and testing a model leaves behind, or git: no part of it.
pub(crate) fn is_by_product(name: &[u8]) -> bool {
    const NAMES: [&[u8]; 8] = [
        b".git",
        b"__pycache__",
        b".venv",
        b"venv",
        b"node_modules",
        b".pytest_cache",
        b".mypy_cache",
        b".ipynb_checkpoints",
    ];
    NAMES.contains(&name) || name.ends_with(b".pyc") || name.ends_with(b".egg-info")
}

fn walk(root: &Path, folder: &Path, entries: &mut Vec<Vec<u8>>) -> Result<(), ExecutorError> {
    for entry in fs::read_dir(folder).map_err(|e| ExecutorError::io(folder, e))? {
        let entry = entry.map_err(|e| ExecutorError::io(folder, e))?;
        if is_by_product(entry.file_name().as_bytes()) {
            continue;
        }
        let path = entry.path();
        // Links are not followed: a folder may link to itself.
        let Ok(meta) = fs::symlink_metadata(&path) else { continue };
        if meta.is_dir() {
            walk(root, &path, entries)?;
        } else {
            let name = path.strip_prefix(root).unwrap_or(&path);
            let stamp = format!("\0{} {} {} {}", meta.len(), meta.mtime(), meta.mtime_nsec(), meta.mode());
            entries.push([name.as_os_str().as_bytes(), stamp.as_bytes()].concat());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::environment::Silent;

    #[tokio::test]
    async fn an_edit_changes_it_and_a_by_product_does_not() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.py"), "1").unwrap();
        let before = of(folder.path(), &Silent).await.unwrap();
        assert!(before.starts_with("local-"), "{before}");
        fs::create_dir(folder.path().join("__pycache__")).unwrap();
        fs::write(folder.path().join("__pycache__/a.pyc"), "1").unwrap();
        assert_eq!(of(folder.path(), &Silent).await.unwrap(), before);
        fs::write(folder.path().join("a.py"), "22").unwrap();
        assert_ne!(of(folder.path(), &Silent).await.unwrap(), before);
    }
}
