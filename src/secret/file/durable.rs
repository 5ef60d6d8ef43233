//! Locks and writes that a kill at any point leaves whole.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::secret::SecretError;

/// A held lock on `<file>.lock`; let go when dropped, or when the process ends. The lock file stays, because taking
/// it away would let two holders in.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Waits for every other holder to be done, then clears away what killed writers left behind.
    pub(super) fn exclusive(path: &Path) -> Result<Self, SecretError> {
        make_folder(path)?;
        let lock = sibling(path, "", ".lock");
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&lock)
            .and_then(|file| file.lock().map(|()| file))
            .map_err(SecretError::io(&lock))?;
        remove_leftovers(path);
        Ok(Self { _file: file })
    }

    /// Waits for a writer to be done. `None` if nobody ever wrote here, or the file system knows no locks: a reader
    /// must not need to write.
    pub(super) fn shared(path: &Path) -> Option<Self> {
        let file = File::open(sibling(path, "", ".lock")).ok()?;
        file.lock_shared().ok()?;
        Some(Self { _file: file })
    }
}

/// The file that a symbolic link leads to, so that a rename replaces that and not the link.
pub(super) fn followed(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// `path` with something put around its last component.
pub(super) fn sibling(path: &Path, before: &str, after: &str) -> PathBuf {
    let name = path.file_name().map(|n| n.to_string_lossy()).unwrap_or_default();
    path.with_file_name(format!("{before}{name}{after}"))
}

/// The file's bytes, or `None` if there is no such file.
pub(super) fn read_if_there(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, SecretError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(Zeroizing::new(bytes))),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(SecretError::io(path)(e)),
    }
}

/// Replaces or makes the file, readable by its owner alone.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), SecretError> {
    let file = staged(path, bytes)?;
    file.persist(path).map_err(|e| SecretError::io(path)(e.error))?;
    sync_folder(path)
}

/// Makes the file, readable by its owner alone; `false` if there is one already.
pub(super) fn create_new(path: &Path, bytes: &[u8]) -> Result<bool, SecretError> {
    make_folder(path)?;
    match staged(path, bytes)?.persist_noclobber(path) {
        Ok(_) => sync_folder(path).map(|()| true),
        Err(e) if e.error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(e) => Err(SecretError::io(path)(e.error)),
    }
}

fn staged(path: &Path, bytes: &[u8]) -> Result<tempfile::NamedTempFile, SecretError> {
    let folder = folder_of(path);
    let write = || {
        // tempfile gives the file mode 0600.
        let mut file =
            tempfile::Builder::new().prefix(&temporary_prefix(path)).suffix(".tmp").tempfile_in(folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        Ok(file)
    };
    write().map_err(SecretError::io(path))
}

fn temporary_prefix(path: &Path) -> String {
    let name = path.file_name().map(|n| n.to_string_lossy()).unwrap_or_default();
    format!(".{name}.")
}

/// Takes away the temporary files of writers that were killed; only under the exclusive lock.
fn remove_leftovers(path: &Path) {
    let prefix = temporary_prefix(path);
    for entry in fs::read_dir(folder_of(path)).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with(&prefix) && name.ends_with(".tmp") {
            // What can't be removed is in nobody's way.
            drop(fs::remove_file(entry.path()));
        }
    }
}

fn make_folder(path: &Path) -> Result<(), SecretError> {
    let folder = folder_of(path);
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(SecretError::io(folder))
}

fn sync_folder(path: &Path) -> Result<(), SecretError> {
    let folder = folder_of(path);
    File::open(folder).and_then(|f| f.sync_all()).map_err(SecretError::io(folder))
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}
