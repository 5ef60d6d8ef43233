//! The documents that the store keeps in Redis.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::RedisConfig;
use super::record::Record;
use crate::model::JobId;
use crate::store::{SealKey, StoreError};

/// The format of all of them; raised when an older csw could not read what a newer one writes.
const FORMAT: u64 = 1;

/// The document that says where the others are. A job's id holds no dot.
pub(super) const ROOT: &str = "job-.index";

/// The document with a job's arguments.
pub(super) fn inputs_key(id: &JobId) -> String {
    format!("job-{id}")
}

/// The pages that one store wrote under its own name, numbered below `pages`; not every number is taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PageSet {
    pub(super) owner: String,
    pub(super) pages: u32,
}

impl PageSet {
    pub(super) fn page_key(&self, page: u32) -> String {
        format!("{ROOT}.{}.{page}", self.owner)
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = String> {
        (0..self.pages).map(|page| self.page_key(page))
    }
}

/// What [`ROOT`] holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Root {
    /// The pages of who wrote it last.
    pub(super) own: PageSet,
    /// While its own pages are being written: those that count.
    pub(super) taking: Option<Taking>,
    /// Pages that nobody needs, and that may still be there.
    pub(super) rubbish: Vec<PageSet>,
}

/// A store takes over from another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Taking {
    /// The other's pages, if there was one.
    pub(super) from: Option<PageSet>,
}

#[derive(Serialize, Deserialize)]
struct RootDocument {
    format: u64,
    /// As in a sealed document.
    sealed: String,
}

#[derive(Deserialize)]
struct Format {
    format: u64,
}

#[derive(Deserialize)]
struct Sealed {
    sealed: String,
}

impl Root {
    pub(super) fn seal(&self, key: &SealKey) -> Result<Vec<u8>, StoreError> {
        let Sealed { sealed } = serde_json::from_slice(&seal(key, ROOT, self)?).map_err(|e| failed(&e))?;
        serde_json::to_vec(&RootDocument { format: FORMAT, sealed }).map_err(|e| failed(&e))
    }

    pub(super) fn open(key: &SealKey, document: &[u8], config: &RedisConfig) -> Result<Self, StoreError> {
        match serde_json::from_slice::<Format>(document) {
            Ok(Format { format: FORMAT }) => open(key, ROOT, document, config),
            Ok(Format { format }) => Err(StoreError::Document {
                key: ROOT.to_owned(),
                server: config.server(),
                problem: format!("has format {format}; this csw knows formats up to {FORMAT}"),
                hint: "Use the csw that wrote it, or a newer one",
            }),
            Err(_) => Err(unreadable(ROOT, config)),
        }
    }
}

pub(super) fn seal_page<'r>(
    key: &SealKey,
    name: &str,
    records: impl Iterator<Item = &'r Record>,
) -> Result<Vec<u8>, StoreError> {
    seal(key, name, &records.collect::<Vec<_>>())
}

pub(super) fn open_page(
    key: &SealKey,
    name: &str,
    document: &[u8],
    config: &RedisConfig,
) -> Result<Vec<Record>, StoreError> {
    open(key, name, document, config)
}

fn seal(key: &SealKey, name: &str, value: &impl Serialize) -> Result<Vec<u8>, StoreError> {
    let text = serde_json::to_vec(value).map_err(|e| failed(&e))?;
    key.seal(name, &text).map_err(|e| failed(&e))
}

fn open<T: DeserializeOwned>(
    key: &SealKey,
    name: &str,
    document: &[u8],
    config: &RedisConfig,
) -> Result<T, StoreError> {
    let text = key.open(name, document).map_err(|_| unreadable(name, config))?;
    serde_json::from_slice(&text).map_err(|_| unreadable(name, config))
}

fn unreadable(key: &str, config: &RedisConfig) -> StoreError {
    StoreError::Document {
        key: key.to_owned(),
        server: config.server(),
        problem: "is damaged, or sealed with another cluster key".to_owned(),
        hint: "Give the scheduler the cluster key that it was written with (CSW_CLUSTER_KEY), or restore Redis from a backup",
    }
}

pub(super) fn failed(error: &dyn std::fmt::Display) -> StoreError {
    StoreError::Failed { reason: format!("cannot write a document: {error}") }
}
