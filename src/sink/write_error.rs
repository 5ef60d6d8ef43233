use std::io;
use std::path::PathBuf;

use crate::error::{Diagnose, Exit};
use crate::folder::FolderError;
use crate::render::RenderError;

/// Why objects can't be put where they should go.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The stream can't be written; a reader that went away is [`io::ErrorKind::BrokenPipe`].
    #[error("cannot write the objects")]
    Stream(#[source] io::Error),
    /// A file or folder can't be written or read.
    #[error("cannot write {path}", path = path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// The operating system's answer.
        source: io::Error,
    },
    /// The folder's index is not what csw wrote.
    #[error("{path}:{line}: `{text}` is not the name of a file that csw writes", path = path.display())]
    Index {
        /// The index.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What stands there.
        text: String,
    },
    /// The folder is not for csw to fill.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// An object can't be rendered or written as YAML.
    #[error(transparent)]
    Render(#[from] RenderError),
}

impl Diagnose for WriteError {
    fn exit(&self) -> Exit {
        match self {
            Self::Stream(_) | Self::File { .. } | Self::Index { .. } => Exit::Config,
            Self::Folder(e) => e.exit(),
            Self::Render(e) => e.exit(),
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Index { path, .. } => {
                vec![format!("Delete {} and the old files beside it", path.display())]
            }
            Self::Folder(FolderError::Occupied { .. }) => {
                vec!["Name another folder, or write to this one all the same with --force".into()]
            }
            Self::Folder(e) => e.hints(),
            Self::Render(e) => e.hints(),
            Self::Stream(_) | Self::File { .. } => Vec::new(),
        }
    }
}
