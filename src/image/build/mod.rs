//! Builds images.

mod record;

pub use record::{BuildRecord, BuildRecords, Target};
