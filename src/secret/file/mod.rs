//! Secrets in one age-encrypted file.

mod backend;
mod durable;

pub use backend::{FileBackend, Protection, Rotation};
