use std::io;
use std::path::Path;

use crate::error::{Diagnose, Exit};

/// Why preparing or delivering failed. A model that fails is no error but a FAIL result.
#[derive(Debug, thiserror::Error)]
pub enum ExecutorError {
    /// The operating system refused access to a file.
    #[error("cannot access {path}: {source}")]
    Io {
        /// The file or folder.
        path: String,
        /// The operating system's answer.
        source: io::Error,
    },
    /// A file of a job does not hold what it should.
    #[error("cannot read {path}: {source}")]
    Json {
        /// The file.
        path: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The outputs processor did not take the result.
    #[error("cannot deliver the result of job {id} to {url}: {reason}")]
    Delivery {
        /// The job.
        id: crate::model::JobId,
        /// Where it was sent.
        url: String,
        /// Its answer, or why there is none.
        reason: String,
    },
}

impl ExecutorError {
    /// A file that can't be accessed.
    pub(super) fn io(path: &Path, source: io::Error) -> Self {
        Self::Io { path: path.display().to_string(), source }
    }
}

impl Diagnose for ExecutorError {
    fn exit(&self) -> Exit {
        match self {
            Self::Io { .. } | Self::Json { .. } => Exit::Config,
            Self::Delivery { .. } => Exit::Remote,
        }
    }
}
