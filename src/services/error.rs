use crate::error::{Diagnose, Exit};

/// Why a services operation failed.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The operating system refused access to a file.
    #[error("cannot access {path}: {source}")]
    Io {
        /// The file or folder.
        path: String,
        /// The operating system's answer.
        source: std::io::Error,
    },
}

impl Diagnose for ServiceError {
    fn exit(&self) -> Exit {
        match self {
            Self::Io { .. } => Exit::Config,
        }
    }
}
