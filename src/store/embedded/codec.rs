use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::model::Job;
use crate::store::{AttemptToken, StoreError};

/// What [`super::tables::JOBS`] holds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) job: Job,
    /// The current attempt's; `None` while no attempt may deliver.
    pub(super) token: Option<TokenDigest>,
    /// The attempt's token after its result was accepted: tells a repeated delivery from an older attempt's.
    pub(super) delivered: Option<TokenDigest>,
    /// Attempts that ended without a result.
    pub(super) lost: u32,
    /// Key in [`super::tables::PUSHES`] while the result waits for the web app.
    pub(super) push: Option<u64>,
    /// Whether the result was for the web app, whose its outputs are then.
    #[serde(default)]
    pub(super) handed: bool,
}

/// What is kept of a token: enough to know it again, not enough to show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TokenDigest(String);

impl TokenDigest {
    pub(super) fn of(token: &AttemptToken) -> Self {
        let digest = Sha256::digest(token.0.as_bytes());
        Self(digest.iter().fold(String::with_capacity(64), |text, byte| text + &format!("{byte:02x}")))
    }

    /// Whether it is a digest: early stores hold the tokens themselves.
    pub(super) fn is_digest(&self) -> bool {
        self.0.len() == 64 && self.0.bytes().all(|b| b.is_ascii_hexdigit())
    }

    /// What early stores hold, as it is kept now.
    pub(super) fn of_early(early: Self) -> Self {
        if early.is_digest() { early } else { Self::of(&AttemptToken(early.0)) }
    }
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
