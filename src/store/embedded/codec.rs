use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::model::Job;
use crate::store::{AttemptToken, StoreError};

/// What [`super::tables::JOBS`] holds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) job: Job,
    /// The current attempt's; `None` while no attempt may deliver.
    pub(super) token: Option<AttemptToken>,
    /// The attempt's token after its result was accepted: tells a repeated delivery from an older attempt's.
    pub(super) delivered: Option<AttemptToken>,
    /// Attempts that ended without a result.
    pub(super) lost: u32,
    /// Key in [`super::tables::PUSHES`] while the result waits for the web app.
    pub(super) push: Option<u64>,
}

/// What [`super::tables::PUSHES`] holds; the result itself is in [`super::tables::RESULTS`].
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct QueuedPush {
    pub(super) seq: u64,
    pub(super) tries: u32,
    pub(super) reason: Option<String>,
}

/// What [`super::tables::DEAD_LETTERS`] holds.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct DeadLetter {
    pub(super) reason: String,
    pub(super) tries: u32,
    pub(super) since: Option<Timestamp>,
}

impl DeadLetter {
    /// Early stores hold the reason alone.
    pub(super) fn read(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_else(|_| Self { reason: text.to_owned(), tries: 0, since: None })
    }

    pub(super) fn write(&self) -> Result<String, StoreError> {
        serde_json::to_string(self)
            .map_err(|e| StoreError::Failed { reason: format!("cannot encode a dead letter: {e}") })
    }
}

pub(super) fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(value)
        .map_err(|e| StoreError::Failed { reason: format!("cannot encode a record: {e}") })
}

pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(bytes)
        .map_err(|e| StoreError::Failed { reason: format!("cannot decode a record: {e}") })
}

/// redb's errors, of which there is one type an operation.
pub(super) fn failed(error: impl Into<redb::Error>) -> StoreError {
    StoreError::Failed { reason: error.into().to_string() }
}
