use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// What a model's processes may read and write, besides what every program needs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grants {
    /// Files and folders that they may read, and programs in them that they may run.
    #[serde(default)]
    pub reads: Vec<PathBuf>,
    /// Files and folders that they may do anything with.
    #[serde(default)]
    pub writes: Vec<PathBuf>,
    /// Files and folders that stay closed where they lie in one of those. One that is named itself is open.
    #[serde(default)]
    pub hidden: Vec<PathBuf>,
}

/// What may be done with a file, or with a folder and everything in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// See the names in it.
    List,
    /// Read and run.
    Read,
    /// Anything.
    Write,
}

impl Grants {
    /// The grants as rules that open and never close. What does not exist is left out.
    pub(super) fn rules(&self) -> Vec<(PathBuf, Access)> {
        let hidden: Vec<PathBuf> = self.hidden.iter().filter_map(|path| path.canonicalize().ok()).collect();
        let mut rules = Vec::new();
        for (paths, access) in [(&self.reads, Access::Read), (&self.writes, Access::Write)] {
            for path in paths.iter().filter_map(|path| path.canonicalize().ok()) {
                open(&path, access, &hidden, &mut rules);
            }
        }
        rules
    }

    /// Hidden paths that lie in what is open, as they are now.
    pub(super) fn hidden_within(&self) -> Vec<PathBuf> {
        let open: Vec<PathBuf> =
            self.reads.iter().chain(&self.writes).filter_map(|path| path.canonicalize().ok()).collect();
        let hidden = self.hidden.iter().filter_map(|path| path.canonicalize().ok());
        hidden.filter(|path| open.iter().any(|o| path.starts_with(o) && path != o)).collect()
    }
}

fn open(path: &Path, access: Access, hidden: &[PathBuf], rules: &mut Vec<(PathBuf, Access)>) {
    if !hidden.iter().any(|h| h.starts_with(path) && h != path) {
        return rules.push((path.to_owned(), access));
    }
    // A rule opens all that is below: what is beside the hidden is opened piece by piece.
    rules.push((path.to_owned(), Access::List));
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_type().is_ok_and(|kind| !kind.is_symlink())) {
        let path = entry.path();
        if !hidden.contains(&path) {
            open(&path, access, hidden, rules);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_hidden_stays_closed_in_what_is_open() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        for path in ["a/b/secret", "a/b/c", "a/d", "e"] {
            std::fs::create_dir_all(root.join(path)).unwrap();
        }
        let grants = |hidden: &[&str]| Grants {
            reads: vec![root.join("a"), root.join("none")],
            writes: vec![root.join("e")],
            hidden: hidden.iter().map(|h| root.join(h)).collect(),
        };
        let rules = |hidden: &[&str]| {
            let mut rules = grants(hidden).rules();
            rules.sort_by(|a, b| a.0.cmp(&b.0));
            let named = |(path, access): (PathBuf, Access)| {
                (path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned(), access)
            };
            rules.into_iter().map(named).collect::<Vec<_>>()
        };
        let as_given = |list: &[(&str, Access)]| {
            list.iter().map(|(path, access)| ((*path).to_owned(), *access)).collect::<Vec<_>>()
        };
        let whole = as_given(&[("a", Access::Read), ("e", Access::Write)]);
        for hidden in [&[][..], &["x"], &["a"], &["e/x"]] {
            assert_eq!(rules(hidden), whole, "{hidden:?}");
        }
        let (list, read) = (Access::List, Access::Read);
        assert_eq!(
            rules(&["a/b/secret"]),
            as_given(&[("a", list), ("a/b", list), ("a/b/c", read), ("a/d", read), ("e", Access::Write)])
        );
        assert_eq!(grants(&["a/b/secret", "a", "x"]).hidden_within(), [root.join("a/b/secret")]);
    }
}
