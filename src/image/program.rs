//! The `csw` that goes into images.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::ImageError;

/// A program for Linux.
#[derive(Debug, Clone)]
pub struct Program {
    path: PathBuf,
    digest: String,
    interpreter: Option<String>,
}

impl Program {
    /// Looks at `given`, else at the running program. Digests are remembered below `cache`.
    ///
    /// # Errors
    /// When it can't be read, or is no program for Linux.
    pub fn find(given: Option<&Path>, cache: &Path) -> Result<Self, ImageError> {
        let path = match given {
            Some(path) => path.to_owned(),
            None => std::env::current_exe().map_err(|e| ImageError::io(Path::new("csw"), e))?,
        };
        let failed = |e| ImageError::io(&path, e);
        let mut file = File::open(&path).map_err(failed)?;
        let no_program = |reason: &str| ImageError::Program { path: path.clone(), reason: reason.to_owned() };
        let interpreter = interpreter(&mut file).map_err(failed)?.map_err(no_program)?;
        let digest = remembered_digest(&path, file, cache)?;
        Ok(Self { path, digest, interpreter })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Digits that stand for its content.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Fails unless it runs where there is nothing else, as in an image from scratch.
    ///
    /// # Errors
    /// When it needs a loader and libraries.
    pub fn must_be_static(&self) -> Result<(), ImageError> {
        match &self.interpreter {
            None => Ok(()),
            Some(loader) => {
                Err(ImageError::DynamicProgram { path: self.path.clone(), loader: loader.clone() })
            }
        }
    }
}

/// The loader that an ELF program asks for; `None` if it is static. The outer error is the operating system's.
fn interpreter(file: &mut File) -> std::io::Result<Result<Option<String>, &'static str>> {
    let mut head = [0; 64];
    if file.read_exact(&mut head).is_err() || head.get(..4) != Some(b"\x7fELF") {
        return Ok(Err("it is no program for Linux"));
    }
    if head.get(4..6) != Some(&[2, 1]) {
        return Ok(Err("it is no program of 64 bits for a little-endian processor"));
    }
    let number = |bytes: &[u8], at: usize, size: usize| -> u64 {
        let part = bytes.get(at..at + size).unwrap_or_default();
        part.iter().rev().fold(0, |n, b| n << 8 | u64::from(*b))
    };
    let (table, size, count) = (number(&head, 32, 8), number(&head, 54, 2), number(&head, 56, 2));
    for index in 0..count {
        let mut segment = [0; 56];
        file.seek(SeekFrom::Start(table.saturating_add(index * size)))?;
        if file.read_exact(&mut segment).is_err() {
            return Ok(Err("it is cut short"));
        }
        const PT_INTERP: u64 = 3;
        if number(&segment, 0, 4) == PT_INTERP {
            file.seek(SeekFrom::Start(number(&segment, 8, 8)))?;
            let mut name = Vec::new();
            file.take(number(&segment, 32, 8).min(4096)).read_to_end(&mut name)?;
            let name = String::from_utf8_lossy(&name).trim_end_matches('\0').to_owned();
            return Ok(Ok(Some(name)));
        }
    }
    Ok(Ok(None))
}

/// A digest and what the file looked like when it was made.
#[derive(Serialize, Deserialize, PartialEq)]
struct Remembered {
    path: PathBuf,
    size: u64,
    modified: (i64, i64),
    inode: u64,
    digest: String,
}

/// Hashing a large program takes longer than all else that a build with nothing to do does.
fn remembered_digest(path: &Path, mut file: File, cache: &Path) -> Result<String, ImageError> {
    let failed = |e| ImageError::io(path, e);
    let meta = file.metadata().map_err(failed)?;
    let name: String = Sha256::digest(path.as_os_str().as_encoded_bytes())
        .iter()
        .take(8)
        .map(|b| format!("{b:02x}"))
        .collect();
    let note = cache.join("images").join("programs").join(format!("{name}.json"));
    let known: Option<Remembered> =
        std::fs::read(&note).ok().and_then(|text| serde_json::from_slice(&text).ok());
    let mut now = Remembered {
        path: path.to_owned(),
        size: meta.len(),
        modified: (meta.mtime(), meta.mtime_nsec()),
        inode: meta.ino(),
        digest: known.as_ref().map(|k| k.digest.clone()).unwrap_or_default(),
    };
    if known.as_ref() == Some(&now) {
        return Ok(now.digest);
    }
    file.rewind().map_err(failed)?;
    let (mut hash, mut buffer) = (Sha256::new(), vec![0; 1 << 18]);
    loop {
        let n = file.read(&mut buffer).map_err(failed)?;
        if n == 0 {
            break;
        }
        hash.update(buffer.get(..n).unwrap_or_default());
    }
    now.digest = hash.finalize().iter().map(|b| format!("{b:02x}")).collect();
    // A note that can't be written costs the next run a second, and nothing else.
    let write = || -> std::io::Result<()> {
        std::fs::create_dir_all(note.parent().unwrap_or(cache))?;
        let mut temporary = tempfile::NamedTempFile::new_in(note.parent().unwrap_or(cache))?;
        serde_json::to_writer(&mut temporary, &now)?;
        temporary.persist(&note).map_err(|e| e.error)?;
        Ok(())
    };
    if let Err(e) = write() {
        tracing::debug!(%e, note = %note.display(), "the program's digest is not remembered");
    }
    Ok(now.digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn static_programs_are_told_from_others() {
        let cache = tempfile::tempdir().unwrap();
        let own = Program::find(None, cache.path()).unwrap();
        let error = own.must_be_static().unwrap_err();
        assert!(error.to_string().contains("/ld-linux"), "{error}");
        assert!(crate::error::Diagnose::hints(&error)[0].contains("make dist"));
        // A header of a program that has one segment, and that is no loader.
        let mut bytes = vec![0; 64 + 56];
        bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
        bytes[32] = 64;
        bytes[54] = 56;
        bytes[56] = 1;
        bytes[64] = 1;
        let path = cache.path().join("static");
        std::fs::write(&path, &bytes).unwrap();
        let program = Program::find(Some(&path), cache.path()).unwrap();
        program.must_be_static().unwrap();
        let again = Program::find(Some(&path), cache.path()).unwrap();
        assert_eq!(program.digest(), again.digest());
        std::fs::write(&path, [bytes, vec![1]].concat()).unwrap();
        assert_ne!(Program::find(Some(&path), cache.path()).unwrap().digest(), program.digest());
        std::fs::write(&path, "#!/bin/sh\n").unwrap();
        assert!(
            Program::find(Some(&path), cache.path())
                .unwrap_err()
                .to_string()
                .contains("no program for Linux")
        );
    }
}
