use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::{GitError, ask};

/// The work tree around a folder, as git finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkTree {
    /// Its topmost folder.
    pub top: PathBuf,
    /// The folder in it, from there; empty for the topmost one.
    pub prefix: PathBuf,
}

impl WorkTree {
    /// Finds it, and makes sure that it is this folder's: a `.git` file, a link or `core.worktree` could name the
    /// repository of somebody else. Work trees and submodules are in order where both sides name each other.
    ///
    /// # Errors
    /// When there is none, or git gives no answer.
    pub fn around(folder: &Path) -> Result<Self, GitError> {
        let answer = ask(folder, &["rev-parse", "--show-toplevel", "--show-prefix", "--absolute-git-dir"])?;
        let mut lines = answer.split(|b| *b == b'\n').map(|line| PathBuf::from(OsStr::from_bytes(line)));
        let mut next = || lines.next().unwrap_or_default();
        let (top, prefix, git) = (real(&next()), next(), real(&next()));
        if !real(folder).starts_with(&top) {
            return Err(GitError::Elsewhere { place: top });
        }
        if !git.starts_with(&top) && !is_named_back(&git, &top) {
            return Err(GitError::Elsewhere { place: git });
        }
        Ok(Self { top, prefix })
    }

    /// The commit of which the folder is an unchanged copy, if it is one. What git is told to overlook (the user's
    /// excludes, files assumed to be unchanged) counts as a change; what `.gitignore` names does not.
    ///
    /// # Errors
    /// When git gives no answer.
    pub fn clean_commit(folder: &Path) -> Result<Option<String>, GitError> {
        Self::around(folder)?;
        let status = [
            "status",
            "--porcelain=v2",
            "-z",
            "--branch",
            "--untracked-files=no",
            // Of submodules we see ourselves: git would obey their own configuration.
            "--ignore-submodules=all",
            "--no-renames",
            "--",
            ".",
        ];
        let mut commit = None;
        for part in parts(&ask(folder, &status)?) {
            match part.strip_prefix(b"# ") {
                Some(header) => commit = header.strip_prefix(b"branch.oid ").map(<[u8]>::to_vec).or(commit),
                None => return Ok(None),
            }
        }
        // `(initial)` is none.
        let commit = commit.and_then(|c| String::from_utf8(c).ok());
        let Some(commit) = commit.filter(|c| c.bytes().all(|b| b.is_ascii_hexdigit())) else {
            return Ok(None);
        };
        let new =
            ask(folder, &["ls-files", "--others", "--exclude-per-directory=.gitignore", "-z", "--", "."])?;
        if !new.is_empty() {
            return Ok(None);
        }
        for entry in parts(&ask(folder, &["ls-files", "--stage", "-v", "-z", "--", "."])?) {
            // `H 100644 <object> 0\t<path>`; other letters are files that git does not look at.
            let (head, path) = entry.split_at(entry.iter().position(|b| *b == b'\t').unwrap_or(entry.len()));
            let head = String::from_utf8_lossy(head);
            let fields: Vec<&str> = head.split(' ').collect();
            let [tag, mode, object, ..] = fields.as_slice() else { continue };
            if *tag != "H" {
                return Ok(None);
            }
            if *mode == "160000" {
                let module = folder.join(OsStr::from_bytes(path.get(1..).unwrap_or_default()));
                // One that was never fetched finds the repository around it.
                let own = module.join(".git").symlink_metadata().is_ok();
                if !own || Self::clean_commit(&module)?.as_deref() != Some(object) {
                    return Ok(None);
                }
            }
        }
        Ok(Some(commit))
    }
}

/// Whether a repository outside of a work tree says that this work tree is its own.
fn is_named_back(git: &Path, top: &Path) -> bool {
    let same = |path: &Path| !path.as_os_str().is_empty() && real(path) == top;
    if let Ok(named) = std::fs::read(git.join("gitdir")) {
        let named = PathBuf::from(OsStr::from_bytes(named.trim_ascii_end()));
        return named.parent().is_some_and(same);
    }
    let config = git.join("config");
    let named = ask(top, &["config", "--file", &config.to_string_lossy(), "--get", "core.worktree"]);
    named.is_ok_and(|named| same(&git.join(OsStr::from_bytes(named.trim_ascii_end()))))
}

fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

fn parts(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|byte| *byte == 0).filter(|part| !part.is_empty())
}
