//! What simulations produce: typed outputs, and their storage in the cs-storage format on an object store.

mod error;

pub use error::OutputsError;
