use crate::error::{Diagnose, Exit};

/// Why a executor operation failed.
#[derive(Debug, thiserror::Error)]
pub enum ExecutorError {
    /// The operating system refused access to a file.
    #[error("cannot access {path}: {source}")]
    Io {
        /// The file or folder.
        path: String,
        /// The operating system's answer.
        source: std::io::Error,
    },
}

impl Diagnose for ExecutorError {
    fn exit(&self) -> Exit {
        match self {
            Self::Io { .. } => Exit::Config,
        }
    }
}
