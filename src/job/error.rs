use crate::error::{Diagnose, Exit};

/// Why a job operation failed.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// The operating system refused access to a file.
    #[error("cannot access {path}: {source}")]
    Io {
        /// The file or folder.
        path: String,
        /// The operating system's answer.
        source: std::io::Error,
    },
}

impl Diagnose for RuntimeError {
    fn exit(&self) -> Exit {
        match self {
            Self::Io { .. } => Exit::Config,
        }
    }
}
