//! Files beneath a folder that somebody else has filled: no path in it, and no link, leads out of it.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt as _};

/// A folder, and access to what is beneath it alone. Paths are relative to it; links count as long as they stay
/// beneath it, whatever happens to the folder meanwhile.
#[derive(Debug)]
pub struct Beneath {
    folder: Dir,
    path: PathBuf,
}

impl Beneath {
    /// Opens a folder; where its own path leads is its owner's affair.
    ///
    /// # Errors
    /// When it is no folder, or can't be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { folder: Dir::open_ambient_dir(path, ambient_authority())?, path: path.to_owned() })
    }

    /// Its own path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens a file for reading. Pipes and devices are refused: they could keep a reader for ever.
    ///
    /// # Errors
    /// When it is not there, is no regular file, can't be opened, or [leads out](leads_out).
    pub fn file(&self, path: impl AsRef<Path>) -> io::Result<File> {
        let mut options = OpenOptions::new();
        // A pipe without a writer would keep even the opening.
        let nonblock = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or_default();
        options.read(true).custom_flags(nonblock);
        let file = self.folder.open_with(path, &options)?.into_std();
        let meta = file.metadata()?;
        if meta.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        if !meta.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
        }
        Ok(file)
    }

    /// What is in a file; `None` where there is none, or a folder.
    ///
    /// # Errors
    /// As [`Beneath::file`], other than that it is not there.
    pub fn read(&self, path: impl AsRef<Path>) -> io::Result<Option<Vec<u8>>> {
        let mut bytes = Vec::new();
        match self.file(path).and_then(|mut file| file.read_to_end(&mut bytes)) {
            Ok(_) => Ok(Some(bytes)),
            Err(e) if is_none(&e) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Whether a regular file is there.
    pub fn has_file(&self, path: impl AsRef<Path>) -> bool {
        self.folder.metadata(path).is_ok_and(|meta| meta.is_file())
    }

    /// Whether a folder is there.
    pub fn has_folder(&self, path: impl AsRef<Path>) -> bool {
        self.folder.metadata(path).is_ok_and(|meta| meta.is_dir())
    }

    /// That a path, there or not, stays beneath the folder.
    ///
    /// # Errors
    /// When it [leads out](leads_out).
    pub fn must_hold(&self, path: impl AsRef<Path>) -> io::Result<()> {
        match self.folder.metadata(path) {
            Err(e) if leads_out(&e) => Err(e),
            _ => Ok(()),
        }
    }

    /// The names in a folder, sorted; none where there is no such folder.
    ///
    /// # Errors
    /// When it can't be read, or [leads out](leads_out).
    pub fn names(&self, folder: impl AsRef<Path>) -> io::Result<Vec<String>> {
        let folder = folder.as_ref();
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let entries = match self.folder.read_dir(folder) {
            Ok(entries) => entries,
            Err(e) if is_none(&e) => return Ok(Vec::new()),
            Err(e) => return Err(e),
        };
        let names: io::Result<Vec<_>> = entries.map(|entry| entry.map(|e| e.file_name())).collect();
        let mut names: Vec<String> = names?.into_iter().map(|n| n.to_string_lossy().into_owned()).collect();
        names.sort();
        Ok(names)
    }

    /// Whether a path is a link, whatever it leads to.
    pub fn has_link(&self, path: impl AsRef<Path>) -> bool {
        self.folder.symlink_metadata(path).is_ok_and(|meta| meta.is_symlink())
    }
}

/// Whether an error says that a path would lead out of its folder, by `..`, a link, or as an absolute one.
pub fn leads_out(error: &io::Error) -> bool {
    // The kernel's own refusals of access have a number.
    error.kind() == io::ErrorKind::PermissionDenied && error.raw_os_error().is_none()
}

/// A path without `.` and, as far as its words go, `..`.
pub fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if plain.pop() => {}
            other => plain.push(other),
        }
    }
    plain
}

fn is_none(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory
    )
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    fn folder() -> tempfile::TempDir {
        let outer = tempfile::tempdir().unwrap();
        let inner = outer.path().join("inner");
        fs::create_dir_all(inner.join("sub/deep")).unwrap();
        fs::write(outer.path().join("canary"), "s3cret").unwrap();
        fs::write(inner.join("a"), "inside").unwrap();
        symlink("../a", inner.join("sub/stays")).unwrap();
        symlink("sub", inner.join("folder")).unwrap();
        symlink("../canary", inner.join("out")).unwrap();
        symlink("out", inner.join("twice")).unwrap();
        symlink(outer.path().join("canary"), inner.join("absolute")).unwrap();
        symlink("..", inner.join("above")).unwrap();
        symlink("/proc/self/root", inner.join("magic")).unwrap();
        symlink("loop", inner.join("loop")).unwrap();
        symlink(".", inner.join("here")).unwrap();
        outer
    }

    #[test]
    fn links_that_stay_are_followed_and_no_way_leads_out() {
        let outer = folder();
        let beneath = Beneath::open(&outer.path().join("inner")).unwrap();
        for path in ["a", "sub/stays", "folder/stays", "sub/../a", "here/here/a", "./a"] {
            assert_eq!(beneath.read(path).unwrap().as_deref(), Some(&b"inside"[..]), "{path}");
            assert!(beneath.has_file(path) && beneath.must_hold(path).is_ok(), "{path}");
        }
        let absolute = outer.path().join("canary").display().to_string();
        for path in [
            "out",
            "twice",
            "absolute",
            "above/canary",
            "magic/etc/passwd",
            "../canary",
            "sub/../../canary",
            "here/sub/../../canary",
            "/etc/passwd",
            absolute.as_str(),
        ] {
            let error = beneath.read(path).unwrap_err();
            assert!(leads_out(&error), "{path}: {error:?}");
            assert!(beneath.must_hold(path).is_err() && !beneath.has_file(path), "{path}");
        }
        for path in ["gone", "sub", "a/b", "gone/deeper"] {
            assert!(beneath.read(path).unwrap().is_none(), "{path}");
            assert!(beneath.must_hold(path).is_ok(), "{path}");
        }
        let error = beneath.read("loop").unwrap_err();
        assert!(!leads_out(&error), "{error:?}");
        assert_eq!(beneath.names("folder").unwrap(), ["deep", "stays"]);
        assert!(beneath.names("gone").unwrap().is_empty());
        assert!(leads_out(&beneath.names("above").unwrap_err()));
    }

    #[test]
    fn what_is_not_readable_is_no_way_out_and_a_pipe_keeps_nobody() {
        let outer = folder();
        let inner = outer.path().join("inner");
        rustix::fs::mkfifoat(rustix::fs::CWD, inner.join("pipe"), rustix::fs::Mode::from(0o600)).unwrap();
        let beneath = Beneath::open(&inner).unwrap();
        let error = beneath.read("pipe").unwrap_err();
        assert!(error.to_string().contains("no regular file"), "{error}");
        assert!(!leads_out(&io::Error::from_raw_os_error(rustix::io::Errno::ACCESS.raw_os_error())));
    }
}
