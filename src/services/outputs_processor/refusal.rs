use crate::error::{Diagnose, Exit};
use crate::model::JobId;
use crate::outputs::{IntakeError, OutputsError};
use crate::services::api::Full;
use crate::store::StoreError;

/// Why the outputs processor did not take something. Each has its HTTP status; those of 500 and above may pass.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// 401: nobody knows who sends it.
    #[error("expected the header `Authorization: Bearer <token of the job's attempt>`")]
    Anonymous,
    /// 403: the token was never given to an attempt of the job.
    #[error("the token is not the one of job {id}")]
    Forged {
        /// The job.
        id: JobId,
    },
    /// 403: the token was made with another key than that of the cluster or of the stack.
    #[error("this is no token of an attempt: it was made with another key, or by nobody")]
    Unsigned,
    /// 404: the job is unknown, or was cleaned up.
    #[error("there is no job {id}")]
    NoSuchJob {
        /// The job.
        id: JobId,
    },
    /// 409: a newer attempt counts, or the job has ended: the sender may stop.
    #[error("job {id} does not wait for the outputs of this attempt (any more)")]
    Fenced {
        /// The job.
        id: JobId,
    },
    /// 400: the body is not what it should be.
    #[error("{0}")]
    Invalid(String),
    /// 413: the body is too large.
    #[error("the body is larger than the limit of {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// 408: the body did not arrive.
    #[error("the body did not arrive: {0}")]
    Incomplete(String),
    /// 503: other bodies have all the memory that there is for them.
    #[error(transparent)]
    Full(#[from] Full),
    /// 400 where the outputs are invalid, else 503: the bucket could not take them.
    #[error(transparent)]
    Outputs(#[from] OutputsError),
    /// 503: the job store could not take it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<IntakeError> for Refusal {
    fn from(error: IntakeError) -> Self {
        match error {
            IntakeError::Invalid(_) => Self::Invalid(error.to_string()),
            IntakeError::Incomplete(e) => Self::Incomplete(e.to_string()),
            IntakeError::Outputs(e) => Self::Outputs(e),
        }
    }
}

impl Diagnose for Refusal {
    fn exit(&self) -> Exit {
        match self {
            Self::Outputs(e) => e.exit(),
            Self::Store(e) => e.exit(),
            Self::Invalid(_) => Exit::Config,
            _ => Exit::Remote,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Outputs(e) => e.hints(),
            Self::Store(e) => e.hints(),
            _ => Vec::new(),
        }
    }
}
