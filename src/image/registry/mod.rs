//! A client of container registries: the OCI distribution API over HTTP, with what it takes on bad networks.

mod auth;
mod blob;
mod certificates;
mod challenge;
mod client;
mod error;
mod exchange;
mod manifest;
mod refusal;
mod repository;
mod retry;
mod session;
mod tags;
mod upload;

pub use blob::{Blob, BlobSource};
pub use client::Registry;
pub use error::RegistryError;
pub(in crate::image) use manifest::hex;
pub use manifest::{Descriptor, Manifest, sha256};
pub use repository::Repository;
pub use upload::{Sent, UploadProgress};
