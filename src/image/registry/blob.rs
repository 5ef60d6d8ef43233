use std::fs::File;
use std::sync::Arc;

use bytes::Bytes;

/// Content that an image is made of: its configuration or a layer, as it is sent.
#[derive(Debug, Clone)]
pub struct Blob {
    /// Its digest, `sha256:…`.
    pub digest: String,
    /// Its size in bytes.
    pub size: u64,
    /// Where it is.
    pub source: BlobSource,
}

/// Where a blob's content is.
#[derive(Debug, Clone)]
pub enum BlobSource {
    /// In memory.
    Bytes(Bytes),
    /// In a file, from its first to its last byte; it may have no name any more.
    File(Arc<File>),
}
