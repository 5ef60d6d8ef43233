use std::fs::File;
use std::io::{self, Read as _, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures::Stream;
use tokio::sync::mpsc;

use super::{Kind, Tree};
use crate::beneath::Beneath;

/// A file of csw's own beside the tree.
#[derive(Debug, Clone)]
pub struct OwnFile {
    /// Its path in the context, as in `csw/install.sh`.
    pub path: String,
    /// What is in it.
    pub content: OwnContent,
    /// Permissions, as in 0o644.
    pub mode: u32,
}

/// Where the bytes of a file of csw's own come from.
#[derive(Debug, Clone)]
pub enum OwnContent {
    /// Here they are.
    Bytes(Bytes),
    /// A file of this machine.
    File(PathBuf),
    /// A file of a repository: its folder, and the path in it, which does not lead out.
    Beneath(PathBuf, PathBuf),
    /// It is a folder and has none.
    Folder,
}

impl OwnFile {
    /// A text that may be read by all.
    pub fn text(path: impl Into<String>, text: impl Into<String>) -> Self {
        Self { path: path.into(), content: OwnContent::Bytes(text.into().into()), mode: 0o644 }
    }

    /// Bytes that may be read by all.
    pub fn bytes(path: impl Into<String>, bytes: impl Into<Bytes>) -> Self {
        Self { path: path.into(), content: OwnContent::Bytes(bytes.into()), mode: 0o644 }
    }

    /// A file of the repository in `folder` that may be read by all.
    pub fn beneath(path: impl Into<String>, folder: &Path, file: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), content: OwnContent::Beneath(folder.to_owned(), file.into()), mode: 0o644 }
    }

    /// A program of this machine.
    pub fn program(path: impl Into<String>, file: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), content: OwnContent::File(file.into()), mode: 0o755 }
    }

    /// A folder.
    pub fn folder(path: impl Into<String>, mode: u32) -> Self {
        Self { path: path.into(), content: OwnContent::Folder, mode }
    }
}

/// Everything that a builder gets to see.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// csw's own files, in the order in which they are sent.
    pub own: Vec<OwnFile>,
    /// A tree and the folder of the context that it goes to.
    pub tree: Option<(String, Tree)>,
}

/// How many bytes have been sent so far; whoever holds a clone can look.
#[derive(Debug, Clone, Default)]
pub struct Sent(Arc<AtomicU64>);

impl Sent {
    /// Bytes so far.
    pub fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Bytes of a piece, and how many pieces may wait: what a context takes of memory, whatever its size.
const PIECE: usize = 1 << 18;
const WAITING: usize = 8;

impl Context {
    /// The context as a tar, made while it is read; a file that changes meanwhile is an error of the stream. Owners
    /// become root, permissions 0644 or 0755: the rest is this machine's affair. Needs a tokio runtime.
    pub fn into_stream(self, sent: Sent) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        let (pieces, receiver) = mpsc::channel(WAITING);
        tokio::task::spawn_blocking(move || {
            let mut pipe = Pipe { pieces, piece: Vec::with_capacity(PIECE), sent };
            let made = self.write(&mut pipe).and_then(|()| pipe.flush());
            if let Err(e) = made {
                // Nobody listens any more where the builder has given up: it says why.
                drop(pipe.pieces.blocking_send(Err(e)));
            }
        });
        futures::stream::unfold(
            receiver,
            |mut receiver| async move { Some((receiver.recv().await?, receiver)) },
        )
    }

    fn write(self, to: &mut Pipe) -> io::Result<()> {
        let mut tar = tar::Builder::new(to);
        for own in self.own {
            let mut header = header(own.mode, 0);
            match own.content {
                OwnContent::Bytes(bytes) => {
                    header.set_size(bytes.len() as u64);
                    tar.append_data(&mut header, &own.path, bytes.as_ref())?;
                }
                OwnContent::File(path) => {
                    let file = File::open(&path)?;
                    let size = file.metadata()?.len();
                    header.set_size(size);
                    tar.append_data(&mut header, &own.path, Exactly::new(file, size, path))?;
                }
                OwnContent::Beneath(folder, path) => {
                    let file = Beneath::open(&folder).and_then(|f| f.file(&path)).map_err(told(&path))?;
                    let size = file.metadata()?.len();
                    header.set_size(size);
                    tar.append_data(&mut header, &own.path, Exactly::new(file, size, path))?;
                }
                OwnContent::Folder => {
                    header.set_entry_type(tar::EntryType::Directory);
                    header.set_size(0);
                    tar.append_data(&mut header, &own.path, io::empty())?;
                }
            }
        }
        let Some((folder, tree)) = self.tree else { return tar.finish() };
        let files = Beneath::open(tree.root()).map_err(told(tree.root()))?;
        // The folder is there even if nothing is in it: a COPY of it is no error.
        let mut root = header(0o755, 0);
        root.set_entry_type(tar::EntryType::Directory);
        root.set_size(0);
        tar.append_data(&mut root, &folder, io::empty())?;
        for entry in tree.entries() {
            let name = PathBuf::from(&folder).join(&entry.path);
            match &entry.kind {
                Kind::Folder => {
                    let mut header = header(0o755, entry.modified);
                    header.set_entry_type(tar::EntryType::Directory);
                    header.set_size(0);
                    tar.append_data(&mut header, name, io::empty())?;
                }
                Kind::Link(to) => {
                    let mut header = header(0o777, entry.modified);
                    header.set_entry_type(tar::EntryType::Symlink);
                    header.set_size(0);
                    tar.append_link(&mut header, name, to)?;
                }
                Kind::File { size, executable } => {
                    let path = tree.root().join(&entry.path);
                    let file = files.file(&entry.path).map_err(told(&path))?;
                    let mut header = header(if *executable { 0o755 } else { 0o644 }, entry.modified);
                    header.set_size(*size);
                    tar.append_data(&mut header, name, Exactly::new(file, *size, path))?;
                }
            }
        }
        tar.finish()
    }
}

/// Names the file in an error.
fn told(path: &Path) -> impl FnOnce(io::Error) -> io::Error + '_ {
    |e| io::Error::new(e.kind(), format!("{}: {e}", path.display()))
}

fn header(mode: u32, modified: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(modified);
    header
}

/// So many bytes of a file: one that shrinks would shift everything behind it.
struct Exactly {
    file: io::Take<File>,
    left: u64,
    path: PathBuf,
}

impl Exactly {
    fn new(file: File, size: u64, path: PathBuf) -> Self {
        Self { file: file.take(size), left: size, path }
    }
}

impl io::Read for Exactly {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read(buffer)?;
        self.left = self.left.saturating_sub(n as u64);
        if n == 0 && self.left > 0 && !buffer.is_empty() {
            return Err(io::Error::other(format!("{} changed while it was sent", self.path.display())));
        }
        Ok(n)
    }
}

/// Hands pieces over to the connection and waits while it is slower.
struct Pipe {
    pieces: mpsc::Sender<io::Result<Bytes>>,
    piece: Vec<u8>,
    sent: Sent,
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let take = bytes.len().min(PIECE - self.piece.len());
        self.piece.extend_from_slice(bytes.get(..take).unwrap_or_default());
        if self.piece.len() == PIECE {
            self.flush()?;
        }
        Ok(take)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE));
        self.sent.0.fetch_add(piece.len() as u64, Ordering::Relaxed);
        let gone = |_| io::Error::new(io::ErrorKind::BrokenPipe, "the builder takes no more");
        self.pieces.blocking_send(Ok(piece.into())).map_err(gone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::context::Ignore;
    use futures::TryStreamExt as _;
    use std::fs;

    async fn tar_of(context: Context) -> io::Result<Vec<u8>> {
        let pieces: Vec<Bytes> = context.into_stream(Sent::default()).try_collect().await?;
        Ok(pieces.concat())
    }

    #[tokio::test]
    async fn what_goes_in_comes_out_of_the_tar() {
        let folder = tempfile::tempdir().unwrap();
        let long = format!("{}/{}", "d".repeat(120), "f".repeat(120));
        fs::create_dir_all(folder.path().join("d".repeat(120))).unwrap();
        fs::write(folder.path().join(&long), vec![7; 700_000]).unwrap();
        std::os::unix::fs::symlink("/nowhere", folder.path().join("link")).unwrap();
        let tree = Tree::list(folder.path(), &Ignore::default(), false).unwrap();
        let context = Context {
            own: vec![OwnFile::text("csw/Dockerfile", "FROM x\n"), OwnFile::folder("csw/tmp", 0o1777)],
            tree: Some(("model".into(), tree)),
        };
        let bytes = tar_of(context).await.unwrap();
        let mut archive = tar::Archive::new(bytes.as_slice());
        let mut seen = Vec::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            let header = entry.header();
            assert_eq!((header.uid().unwrap(), header.gid().unwrap()), (0, 0));
            seen.push((entry.path().unwrap().display().to_string(), header.mode().unwrap(), content.len()));
        }
        assert_eq!(
            seen,
            [
                ("csw/Dockerfile".to_owned(), 0o644, 7),
                ("csw/tmp".to_owned(), 0o1777, 0),
                ("model".to_owned(), 0o755, 0),
                (format!("model/{}", "d".repeat(120)), 0o755, 0),
                (format!("model/{long}"), 0o644, 700_000),
                ("model/link".to_owned(), 0o777, 0),
            ]
        );
    }

    #[tokio::test]
    async fn a_file_that_shrinks_meanwhile_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a"), "12345").unwrap();
        let tree = Tree::list(folder.path(), &Ignore::default(), false).unwrap();
        fs::write(folder.path().join("a"), "12").unwrap();
        let error = tar_of(Context { own: Vec::new(), tree: Some(("m".into(), tree)) }).await.unwrap_err();
        assert!(error.to_string().contains("changed while it was sent"), "{error}");
    }
}
