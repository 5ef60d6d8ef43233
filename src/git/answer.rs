use std::io;
use std::path::{Path, PathBuf};
use std::process::Output;

use super::looking_at;

/// Why git gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// There is no repository around the folder.
    #[error("not a git repository")]
    NoRepository,
    /// The repository is somebody else's, which git does not touch.
    #[error("git refuses the repository, which belongs to another user")]
    Owner {
        /// The folder that git names.
        folder: PathBuf,
    },
    /// Its `.git` or its configuration names a place that does not name it in turn.
    #[error("its git repository is elsewhere: {}", place.display())]
    Elsewhere {
        /// Where.
        place: PathBuf,
    },
    /// Git can't be started.
    #[error("git can't be started: {0}")]
    Start(io::Error),
    /// Git says no; without words where it was asked whether something is there.
    #[error("{0}")]
    Failed(String),
}

impl GitError {
    /// Whether what was asked for is not there, and nothing is wrong.
    pub fn is_absence(&self) -> bool {
        matches!(self, Self::Failed(words) if words.is_empty())
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Owner { folder } => Some(format!(
                "if you trust it, tell git so: `git config --global --add safe.directory {}`",
                folder.display()
            )),
            Self::Start(_) => Some("install git, and have it on PATH".into()),
            Self::Elsewhere { .. } => Some("name the repository itself, or a clone of it".into()),
            Self::NoRepository | Self::Failed(_) => None,
        }
    }
}

/// What git prints on stdout, asked in a folder whose repository may be anybody's.
///
/// # Errors
/// When git gives no answer.
pub fn ask(folder: &Path, args: &[&str]) -> Result<Vec<u8>, GitError> {
    answer(folder, looking_at(folder).args(args).output())
}

/// What a command that has ended printed on stdout, or what its words mean.
///
/// # Errors
/// When it failed.
pub fn answer(folder: &Path, output: io::Result<Output>) -> Result<Vec<u8>, GitError> {
    let output = output.map_err(GitError::Start)?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let words = String::from_utf8_lossy(&output.stderr);
    if words.contains("not a git repository") {
        return Err(GitError::NoRepository);
    }
    if words.contains("dubious ownership") || words.contains("unsafe repository") {
        let named = words.lines().find_map(|line| Some(line.split_once("at '")?.1.split_once('\'')?.0));
        return Err(GitError::Owner { folder: named.map_or_else(|| folder.to_owned(), PathBuf::from) });
    }
    let said = words.lines().find_map(|line| line.strip_prefix("fatal: "));
    let said = said.or_else(|| words.lines().last()).unwrap_or_default();
    // Ended by a signal it says nothing, and that is no answer.
    match output.status.code() {
        None => Err(GitError::Failed(format!("git ended by {}", output.status))),
        Some(code) if said.is_empty() && code != 1 && code != 128 => {
            Err(GitError::Failed(format!("git ended with {code}")))
        }
        Some(_) => Err(GitError::Failed(said.to_owned())),
    }
}

/// An answer of one line.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_end().to_owned()
}
