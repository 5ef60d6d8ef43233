//! Where a path leads that a file of a repository names.

use std::path::{Path, PathBuf};

use crate::beneath::Beneath;
use crate::executor::ExecutorError;

/// Where a path leads.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Where {
    /// Into the repository, there or not: relative to its folder.
    Inside(PathBuf),
    /// Somewhere else on the machine, by a path from its root.
    Abroad(PathBuf),
}

/// Finds out where `path` leads that is meant relative to `folder` of the repository.
///
/// # Errors
/// When it climbs out of the repository, or a link does.
pub(super) fn inside(root: &Beneath, folder: &Path, path: &str) -> Result<Where, ExecutorError> {
    let path = Path::new(path);
    let relative = match path.strip_prefix(root.path()) {
        Ok(below) => below.to_owned(),
        Err(_) if path.is_absolute() => return Ok(Where::Abroad(path.to_owned())),
        Err(_) => folder.join(path),
    };
    let relative = if relative.as_os_str().is_empty() { PathBuf::from(".") } else { relative };
    root.must_hold(&relative).map_err(|e| ExecutorError::beneath(root.path(), &relative, e))?;
    Ok(Where::Inside(relative))
}
