//! The cache folder: names, locks, and steps that survive a crash at any moment.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::executor::ExecutorError;

/// Held while one process changes something in the cache; others wait. The kernel lets go when the process dies.
pub(super) struct Lock {
    file: File,
}

impl Lock {
    /// The lock as stdin of a program, which then keeps it: one that outlives a killed csw still writes where the next
    /// csw would. There is nothing to read in it.
    pub(super) fn as_stdin(&self) -> io::Result<std::process::Stdio> {
        Ok(self.file.try_clone()?.into())
    }
}

/// Waits for the lock of `target`, which need not exist yet. `waiting` is called once if another process has it.
pub(super) async fn lock(target: &Path, waiting: impl Fn()) -> Result<Lock, ExecutorError> {
    let mut name = target.as_os_str().to_owned();
    name.push(".lock");
    let path = PathBuf::from(name);
    let failed = |e: io::Error| ExecutorError::io(&path, e);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(failed)?;
    }
    let file = File::options().create(true).read(true).append(true).open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => return Ok(Lock { file }),
        Err(fs::TryLockError::WouldBlock) => waiting(),
        Err(fs::TryLockError::Error(e)) => return Err(failed(e)),
    }
    // A blocking wait can't be given up; this one ends with the future.
    loop {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        match file.try_lock() {
            Ok(()) => return Ok(Lock { file }),
            Err(fs::TryLockError::WouldBlock) => {}
            Err(fs::TryLockError::Error(e)) => return Err(failed(e)),
        }
    }
}

/// Gives a finished folder its name: whoever sees the name sees all of the content, also after a power loss.
pub(super) fn publish(temporary: &Path, name: &Path) -> Result<(), ExecutorError> {
    sync_tree(temporary)?;
    fs::rename(temporary, name).map_err(|e| ExecutorError::io(name, e))?;
    let parent = name.parent().unwrap_or(name);
    File::open(parent).and_then(|f| f.sync_all()).map_err(|e| ExecutorError::io(parent, e))
}

/// Gives a finished file its name, in the same way; it may come from another file system.
pub(super) fn publish_file(file: &Path, name: &Path) -> Result<(), ExecutorError> {
    let parent = name.parent().unwrap_or(name);
    let failed = |e| ExecutorError::io(name, e);
    let mut copy = tempfile::NamedTempFile::new_in(parent).map_err(failed)?;
    let mut source = File::open(file).map_err(|e| ExecutorError::io(file, e))?;
    io::copy(&mut source, &mut copy).map_err(failed)?;
    copy.as_file().sync_all().map_err(failed)?;
    copy.persist(name).map_err(|e| failed(e.error))?;
    File::open(parent).and_then(|f| f.sync_all()).map_err(|e| ExecutorError::io(parent, e))
}

/// Brings everything below `folder` to the disk.
pub(super) fn sync_tree(folder: &Path) -> Result<(), ExecutorError> {
    let file = File::open(folder).map_err(|e| ExecutorError::io(folder, e))?;
    // Thousands of small files: one call for the file system is faster than one a file.
    #[cfg(target_os = "linux")]
    rustix::fs::syncfs(&file).map_err(|e| ExecutorError::io(folder, e.into()))?;
    #[cfg(not(target_os = "linux"))]
    drop(file);
    Ok(())
}

/// Removes a folder with everything in it; it is no error that it is not there.
pub(super) fn remove(folder: &Path) -> Result<(), ExecutorError> {
    match fs::remove_dir_all(folder) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(ExecutorError::io(folder, e)),
        _ => Ok(()),
    }
}

/// Hexadecimal digits that stand for these parts, each as a whole.
pub(super) fn digest<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().iter().take(10).map(|b| format!("{b:02x}")).collect()
}
