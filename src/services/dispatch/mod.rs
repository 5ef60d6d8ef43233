//! Brings accepted jobs to an end: starts them in order, watches them, takes their results, tries again.

mod board;
mod conclude;
mod dispatcher;
mod fill;
mod host;
mod reconcile;

pub use dispatcher::{Dispatcher, Limits};
pub use host::ModelHost;
