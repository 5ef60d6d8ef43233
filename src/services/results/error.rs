use crate::outputs::OutputsError;
use crate::services::outputs_processor::Refusal;
use crate::store::StoreError;

/// Why a result could not be taken or found.
#[derive(Debug, thiserror::Error)]
pub enum ResultsError {
    /// The outputs processor in this program.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The scheduler's own store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The bucket.
    #[error(transparent)]
    Bucket(#[from] OutputsError),
    /// The outputs processor did not answer, or not for now.
    #[error("the outputs processor at {url} does not answer: {reason}")]
    Away {
        /// What was asked.
        url: String,
        /// What happened.
        reason: String,
    },
    /// The outputs processor said no.
    #[error("the outputs processor refused ({status}): {reason}")]
    No {
        /// The HTTP status.
        status: u16,
        /// Its words.
        reason: String,
    },
    /// What was answered or kept is not what it should be.
    #[error("{0}")]
    Unexpected(String),
}

impl ResultsError {
    /// Whether the result itself is refused: it would be each time.
    pub fn blames_result(&self) -> bool {
        match self {
            Self::Refused(refusal) => matches!(
                refusal,
                Refusal::Invalid(_)
                    | Refusal::TooLarge { .. }
                    | Refusal::Outputs(OutputsError::Invalid { .. })
            ),
            Self::No { status, .. } => [400, 413, 422].contains(status),
            Self::Bucket(_) | Self::Store(_) | Self::Away { .. } | Self::Unexpected(_) => false,
        }
    }
}
