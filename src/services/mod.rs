//! See the crate's documentation.

mod error;

pub use error::ServiceError;
