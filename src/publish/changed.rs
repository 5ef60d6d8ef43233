use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::PublishError;
use crate::git;

/// Base branches that are looked for unless one is named: what the remote says is its main one, and the usual names.
const BASES: [&str; 3] = ["origin/HEAD", "origin/main", "origin/master"];

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

/// Compares a folder with a base branch, by default that of the remote `origin`. Nothing if none is named and there is
/// nothing to compare with: no git, no repository, no commit, no such branch.
///
/// # Errors
/// When a base branch that is named is not there, or it can't be known what differs from it: a shallow clone is not
/// taken for one without changes.
pub fn changed_files(folder: &Path, base: Option<&str>) -> Result<Option<Changed>, PublishError> {
    let Some(base) = base.map(str::to_owned).or_else(|| default_base(folder)) else { return Ok(None) };
    let wrong = |why: String| PublishError::Base { folder: folder.to_owned(), base: base.clone(), why };
    for revision in [base.as_str(), "HEAD"] {
        ask(
            folder,
            &["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{revision}^{{commit}}")],
        )
        .map_err(|why| wrong(if why.is_empty() { format!("there is no {revision}") } else { why }))?;
    }
    let fork = match ask(folder, &["merge-base", &base, "HEAD"]) {
        Ok(fork) => text(&fork),
        Err(_)
            if ask(folder, &["rev-parse", "--is-shallow-repository"]).is_ok_and(|s| text(&s) == "true") =>
        {
            return Err(PublishError::Shallow { base });
        }
        Err(why) if why.is_empty() => return Err(wrong("the two have no commit in common".into())),
        Err(why) => return Err(wrong(why)),
    };
    let differ =
        ask(folder, &["diff", "--name-status", "--no-renames", "--relative", "-z", &fork, "--", "."])
            .map_err(wrong)?;
    let new = ask(folder, &["ls-files", "--others", "--exclude-standard", "-z", "--", "."]).map_err(wrong)?;
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
    Ok(Some(changed))
}

/// The branch that the remote or its name makes the main one.
fn default_base(folder: &Path) -> Option<String> {
    ask(folder, &["rev-parse", "--verify", "--quiet", "HEAD^{commit}"]).ok()?;
    let known = |base: &&str| {
        ask(folder, &["rev-parse", "--verify", "--quiet", &format!("{base}^{{commit}}")]).is_ok()
    };
    let base = *BASES.iter().find(|base| known(base))?;
    // `origin/HEAD` is a name for another branch, which says more.
    let named = ask(folder, &["rev-parse", "--abbrev-ref", base]).map(|name| text(&name));
    Some(named.ok().filter(|name| !name.is_empty()).unwrap_or_else(|| base.to_owned()))
}

/// What git prints on stdout, or the last line of what it complains about.
fn ask(folder: &Path, args: &[&str]) -> Result<Vec<u8>, String> {
    let output = git::command().arg("-C").arg(folder).args(args).output().map_err(|e| format!("git: {e}"))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let words = String::from_utf8_lossy(&output.stderr);
    Err(words.lines().last().unwrap_or_default().trim_start_matches("fatal: ").to_owned())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_end().to_owned()
}

fn parts(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|byte| *byte == 0).filter(|part| !part.is_empty())
}
