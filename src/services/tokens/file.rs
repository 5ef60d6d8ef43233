use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::text::Digests;
use crate::isolation::close_to_others;

/// How long what was seen of the file counts, so that not every request looks at the disk.
const FRESH: Duration = Duration::from_secs(1);

/// Tokens in a file that somebody may exchange at any time: by writing it, by renaming another one over it, or, as
/// Kubernetes does with a mounted Secret, by exchanging a link on the way to it.
pub(super) struct TokenFile {
    path: PathBuf,
    seen: Mutex<Seen>,
}

struct Seen {
    at: Instant,
    mark: Mark,
    digests: Arc<Digests>,
}

/// Tells one state of a file from another. Links are followed, so one that leads elsewhere is another state.
#[derive(PartialEq, Eq)]
struct Mark {
    place: (u64, u64),
    size: u64,
    changed: (i64, i64),
}

impl Mark {
    fn of(metadata: &Metadata) -> Self {
        Self {
            place: (metadata.dev(), metadata.ino()),
            size: metadata.len(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

impl TokenFile {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        if let Some(said) = close_to_others(path) {
            tracing::warn!("{said}");
        }
        let (mark, digests) = read(path)?;
        let seen = Seen { at: Instant::now(), mark, digests: Arc::new(digests) };
        Ok(Self { path: path.to_owned(), seen: Mutex::new(seen) })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The tokens as they are now, or were a second ago. A file that is not readable or empty is in the middle of being
    /// exchanged: what it held counts until it holds something again.
    pub(super) fn digests(&self) -> Arc<Digests> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.at.elapsed() >= FRESH {
            seen.at = Instant::now();
            self.look(&mut seen);
        }
        Arc::clone(&seen.digests)
    }

    fn look(&self, seen: &mut Seen) {
        let unchanged = std::fs::metadata(&self.path).is_ok_and(|now| Mark::of(&now) == seen.mark);
        if unchanged {
            return;
        }
        match read(&self.path) {
            Ok((mark, digests)) => {
                tracing::info!("the tokens in {} have changed", self.path.display());
                (seen.mark, seen.digests) = (mark, Arc::new(digests));
            }
            Err(e) => tracing::warn!("{}: {e}; the tokens from before still count", self.path.display()),
        }
    }
}

fn read(path: &Path) -> io::Result<(Mark, Digests)> {
    let mut file = std::fs::File::open(path)?;
    // Of the very file that is read, whatever stands under its name by then.
    let mark = Mark::of(&file.metadata()?);
    let mut text = String::new();
    io::Read::read_to_string(&mut file, &mut text)?;
    let digests = Digests::of(&text);
    if digests.is_empty() {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "there is no token in it"));
    }
    Ok((mark, digests))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// As if the last look were long ago.
    fn accepts(file: &TokenFile, word: &str) -> bool {
        let long_ago = Instant::now().checked_sub(FRESH).unwrap();
        file.seen.lock().unwrap().at = long_ago;
        file.digests().contain(word)
    }

    #[test]
    fn a_link_that_is_exchanged_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for (version, token) in [("v1", "old\n"), ("v2", "new\nold\n"), ("v3", "new\n")] {
            std::fs::create_dir(at(version)).unwrap();
            std::fs::write(at(version).join("token"), token).unwrap();
        }
        // As kubelet lays out a mounted Secret: token -> ..data/token, ..data -> v1.
        symlink("v1", at("..data")).unwrap();
        symlink("..data/token", at("token")).unwrap();
        let file = TokenFile::open(&at("token")).unwrap();
        assert!(accepts(&file, "old") && !accepts(&file, "new"));
        let exchange = |to: &str| {
            symlink(to, at("..data_tmp")).unwrap();
            std::fs::rename(at("..data_tmp"), at("..data")).unwrap();
        };
        exchange("v2");
        assert!(accepts(&file, "old") && accepts(&file, "new"));
        exchange("v3");
        assert!(!accepts(&file, "old") && accepts(&file, "new"));
    }

    #[test]
    fn a_file_that_is_being_written_keeps_nobody_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        assert!(TokenFile::open(&path).is_err());
        std::fs::write(&path, "").unwrap();
        assert!(TokenFile::open(&path).is_err());
        std::fs::write(&path, "one").unwrap();
        let file = TokenFile::open(&path).unwrap();
        std::fs::write(&path, "").unwrap();
        assert!(accepts(&file, "one"));
        std::fs::remove_file(&path).unwrap();
        assert!(accepts(&file, "one"));
        std::fs::write(&path, "two").unwrap();
        assert!(accepts(&file, "two") && !accepts(&file, "one"));
    }
}
