//! Reads what people write, and says what is wrong with it: file, line, column, what was expected, what to do.

mod diagnostics;
pub mod document;
mod error;

pub use diagnostics::{Diagnostics, ReportStyle};
pub use error::ConfigError;
