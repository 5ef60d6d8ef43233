use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::PublishError;
use crate::git::{GitError, WorkTree, ask, text};

/// Base branches that are looked for unless one is named: what the remote says is its main one, and the usual names.
const BASES: [&str; 3] = ["origin/HEAD", "origin/main", "origin/master"];

/// How a folder compares with a base branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Comparison {
    /// It is in no repository.
    NoRepository,
    /// There is no commit yet, or no other repository that the branches could be of.
    Alone,
    /// This differs, perhaps nothing.
    Changed(Changed),
}

/// What differs below a folder from the point where the branch that is checked out left its base branch: commits,
/// changes that are not committed, and new files that nobody has added yet. What the base branch has got since is not
/// in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// The base branch: `origin/main`.
    pub base: String,
    /// Files that are new or differ, sorted.
    pub files: Vec<PathBuf>,
    /// Files that are no more, sorted.
    pub removed: Vec<PathBuf>,
}

/// Compares a folder with a base branch, by default that of the remote `origin`.
///
/// # Errors
/// When the base branch is not there, git does not answer, or it can't be known what differs: neither a shallow clone
/// nor a repository that git refuses is taken for one without changes, or for none.
pub fn changed_files(folder: &Path, base: Option<&str>) -> Result<Comparison, PublishError> {
    let failed = |source| PublishError::Git { folder: folder.to_owned(), source };
    match WorkTree::around(folder) {
        Ok(_) => {}
        Err(GitError::NoRepository) if base.is_none() => return Ok(Comparison::NoRepository),
        // A project that nobody keeps in git needs none.
        Err(GitError::Start(_)) if base.is_none() && !looks_like_one(folder) => {
            return Ok(Comparison::NoRepository);
        }
        Err(e) => return Err(failed(e)),
    }
    let base = match base {
        Some(base) => base.to_owned(),
        None if !has(folder, "HEAD").map_err(failed)? => return Ok(Comparison::Alone),
        None => match default_base(folder).map_err(failed)? {
            Some(base) => base,
            None if ask(folder, &["remote"]).map_err(failed)?.is_empty() => return Ok(Comparison::Alone),
            None => {
                return Err(PublishError::NoBase { folder: folder.to_owned(), looked_for: BASES.join(", ") });
            }
        },
    };
    let wrong = |why: String| PublishError::Base { folder: folder.to_owned(), base: base.clone(), why };
    for revision in [base.as_str(), "HEAD"] {
        match has(folder, revision) {
            Ok(true) => {}
            Ok(false) => return Err(wrong(format!("there is no {revision}"))),
            Err(e) => return Err(failed(e)),
        }
    }
    let fork = match ask(folder, &["merge-base", "--end-of-options", &base, "HEAD"]) {
        Ok(fork) => text(&fork),
        Err(_)
            if text(&ask(folder, &["rev-parse", "--is-shallow-repository"]).map_err(failed)?) == "true" =>
        {
            return Err(PublishError::Shallow { base });
        }
        Err(e) if e.is_absence() => return Err(wrong("the two have no commit in common".into())),
        Err(e) => return Err(failed(e)),
    };
    let differ = [
        "diff",
        "--name-status",
        "--no-renames",
        "--no-ext-diff",
        "--no-textconv",
        // A submodule's own configuration would be obeyed; no model's file is in one.
        "--ignore-submodules=all",
        "--relative",
        "-z",
        &fork,
        "--",
        ".",
    ];
    let differ = ask(folder, &differ).map_err(failed)?;
    let new = ["ls-files", "--others", "--exclude-per-directory=.gitignore", "-z", "--", "."];
    let new = ask(folder, &new).map_err(failed)?;
    let name = |bytes: &[u8]| folder.join(OsStr::from_bytes(bytes));
    let mut changed = Changed { base: base.clone(), files: Vec::new(), removed: Vec::new() };
    changed.files.extend(parts(&new).map(name));
    let mut parts = parts(&differ);
    while let (Some(status), Some(path)) = (parts.next(), parts.next()) {
        match status {
            b"D" => changed.removed.push(name(path)),
            _ => changed.files.push(name(path)),
        }
    }
    // What was removed from the index alone is both.
    changed.removed.retain(|path| !changed.files.contains(path));
    changed.files.sort();
    changed.removed.sort();
    Ok(Comparison::Changed(changed))
}

/// The branch that the remote or its name makes the main one.
fn default_base(folder: &Path) -> Result<Option<String>, GitError> {
    for base in BASES {
        if has(folder, base)? {
            // `origin/HEAD` is a name for another branch, which says more.
            let named = text(&ask(folder, &["rev-parse", "--abbrev-ref", base])?);
            return Ok(Some(if named.is_empty() { base.to_owned() } else { named }));
        }
    }
    Ok(None)
}

fn has(folder: &Path, revision: &str) -> Result<bool, GitError> {
    let commit = format!("{revision}^{{commit}}");
    match ask(folder, &["rev-parse", "--verify", "--quiet", "--end-of-options", &commit]) {
        Ok(_) => Ok(true),
        Err(e) if e.is_absence() => Ok(false),
        Err(e) => Err(e),
    }
}

/// Whether a folder or one above it looks like a repository to who has no git to ask.
fn looks_like_one(folder: &Path) -> bool {
    folder.ancestors().any(|above| above.join(".git").symlink_metadata().is_ok())
}

fn parts(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|byte| *byte == 0).filter(|part| !part.is_empty())
}
