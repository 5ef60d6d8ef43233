use crate::error::{Diagnose, Exit};

/// Why a store operation failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The operating system refused access to a file.
    #[error("cannot access {path}: {source}")]
    Io {
        /// The file or folder.
        path: String,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// The id is taken by another submission.
    #[error("job {id} exists with {differs}")]
    Conflict {
        /// The id.
        id: crate::model::JobId,
        /// What differs: "another model", "other inputs".
        differs: &'static str,
    },
}

impl Diagnose for StoreError {
    fn exit(&self) -> Exit {
        match self {
            Self::Io { .. } | Self::Conflict { .. } => Exit::Config,
        }
    }
}
