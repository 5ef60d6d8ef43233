use std::fs;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::Ignore;
use crate::beneath::Beneath;
use crate::executor::environment::is_by_product;
use crate::image::ImageError;

/// A file, folder or link of a context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its path below the tree's root.
    pub path: PathBuf,
    /// What it is.
    pub kind: Kind,
    /// Seconds since 1970.
    pub modified: u64,
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A folder.
    Folder,
    /// A file.
    File {
        /// Its bytes.
        size: u64,
        /// Whether it may be run.
        executable: bool,
    },
    /// A symbolic link and where it leads.
    Link(PathBuf),
}

/// The files below a folder that a context takes, sorted by path.
#[derive(Debug, Clone)]
pub struct Tree {
    root: PathBuf,
    entries: Vec<Entry>,
}

impl Tree {
    /// Lists the folder. Left out are what `ignore` excludes, git's own folders, and sockets, pipes and devices. With
    /// `in_place` also what running and testing a model leaves behind: nobody has cleaned an author's folder.
    ///
    /// # Errors
    /// When something can't be read.
    pub fn list(root: &Path, ignore: &Ignore, in_place: bool) -> Result<Self, ImageError> {
        let mut entries = Vec::new();
        walk(root, Path::new(""), ignore, in_place, &mut entries)?;
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Self { root: root.to_owned(), entries })
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What is in it.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Bytes of all files.
    pub fn size(&self) -> u64 {
        let size = |e: &Entry| if let Kind::File { size, .. } = e.kind { size } else { 0 };
        self.entries.iter().map(size).sum()
    }

    /// Digits that stand for the content: names, what may be run, and every byte. Not for times.
    ///
    /// # Errors
    /// When a file can't be read.
    pub fn digest(&self) -> Result<String, ImageError> {
        let files = Beneath::open(&self.root).map_err(|e| ImageError::io(&self.root, e))?;
        let mut hash = Sha256::new();
        let mut buffer = vec![0; 1 << 18];
        let part = |hash: &mut Sha256, bytes: &[u8]| {
            hash.update((bytes.len() as u64).to_be_bytes());
            hash.update(bytes);
        };
        for entry in &self.entries {
            part(&mut hash, entry.path.as_os_str().as_bytes());
            match &entry.kind {
                Kind::Folder => hash.update(b"d"),
                Kind::Link(to) => {
                    hash.update(b"l");
                    part(&mut hash, to.as_os_str().as_bytes());
                }
                Kind::File { executable, .. } => {
                    hash.update(if *executable { b"x" } else { b"f" });
                    let path = self.root.join(&entry.path);
                    let mut file = files.file(&entry.path).map_err(|e| ImageError::io(&path, e))?;
                    let mut content = Sha256::new();
                    loop {
                        let n = file.read(&mut buffer).map_err(|e| ImageError::io(&path, e))?;
                        if n == 0 {
                            break;
                        }
                        content.update(buffer.get(..n).unwrap_or_default());
                    }
                    hash.update(content.finalize());
                }
            }
        }
        Ok(hash.finalize().iter().map(|b| format!("{b:02x}")).collect())
    }
}

fn walk(
    root: &Path,
    below: &Path,
    ignore: &Ignore,
    in_place: bool,
    entries: &mut Vec<Entry>,
) -> Result<(), ImageError> {
    let folder = root.join(below);
    for entry in fs::read_dir(&folder).map_err(|e| ImageError::io(&folder, e))? {
        let entry = entry.map_err(|e| ImageError::io(&folder, e))?;
        let name = entry.file_name();
        if name == ".git" || (in_place && is_by_product(name.as_bytes())) {
            continue;
        }
        let path = below.join(&name);
        let full = entry.path();
        let text = path.to_string_lossy();
        let out = ignore.excludes(&text);
        let meta = fs::symlink_metadata(&full).map_err(|e| ImageError::io(&full, e))?;
        let modified = u64::try_from(meta.mtime()).unwrap_or_default();
        if meta.is_dir() {
            let before = entries.len();
            if !out || ignore.may_contain_exceptions(&text) {
                walk(root, &path, ignore, in_place, entries)?;
            }
            // A folder that stays out is there only if something in it is in.
            if !out || entries.len() > before {
                entries.push(Entry { path, kind: Kind::Folder, modified });
            }
        } else if out {
        } else if meta.is_symlink() {
            let to = fs::read_link(&full).map_err(|e| ImageError::io(&full, e))?;
            entries.push(Entry { path, kind: Kind::Link(to), modified });
        } else if meta.is_file() {
            let kind = Kind::File { size: meta.len(), executable: meta.mode() & 0o100 != 0 };
            entries.push(Entry { path, kind, modified });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in [
            ("a.py", "1"),
            ("data/x.csv", "2"),
            ("data/keep/y.csv", "3"),
            (".git/config", "url"),
            ("__pycache__/a.pyc", ""),
        ] {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        std::os::unix::fs::symlink("a.py", folder.path().join("link")).unwrap();
        folder
    }

    fn paths(tree: &Tree) -> Vec<String> {
        tree.entries().iter().map(|e| e.path.display().to_string()).collect()
    }

    #[test]
    fn git_and_what_is_ignored_stay_out() {
        let folder = folder();
        let ignore = Ignore::parse("data\n!data/keep\n").unwrap();
        let tree = Tree::list(folder.path(), &ignore, true).unwrap();
        assert_eq!(paths(&tree), ["a.py", "data", "data/keep", "data/keep/y.csv", "link"]);
        assert_eq!(tree.size(), 2);
        let all = Tree::list(folder.path(), &Ignore::default(), false).unwrap();
        assert!(paths(&all).contains(&"__pycache__/a.pyc".to_owned()));
        assert!(!paths(&all).iter().any(|p| p.starts_with(".git")));
    }

    #[test]
    fn the_digest_is_of_content_not_of_times() {
        let (one, two) = (folder(), folder());
        let digest =
            |f: &tempfile::TempDir| Tree::list(f.path(), &Ignore::default(), true).unwrap().digest().unwrap();
        assert_eq!(digest(&one), digest(&two));
        fs::write(two.path().join("a.py"), "2").unwrap();
        assert_ne!(digest(&one), digest(&two));
        fs::write(two.path().join("a.py"), "1").unwrap();
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(two.path().join("a.py"), fs::Permissions::from_mode(0o755)).unwrap();
        assert_ne!(digest(&one), digest(&two));
    }
}
