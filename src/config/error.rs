use crate::error::{Diagnose, Exit};

/// Why a config operation failed.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The operating system refused access to a file.
    #[error("cannot access {path}: {source}")]
    Io {
        /// The file or folder.
        path: String,
        /// The operating system's answer.
        source: std::io::Error,
    },
}

impl Diagnose for ConfigError {
    fn exit(&self) -> Exit {
        match self {
            Self::Io { .. } => Exit::Config,
        }
    }
}
