//! Running the executors of jobs: a trait, and its implementations.

mod error;
pub mod kubernetes;
pub mod process;
mod runtime;

pub use error::{Obstacle, RuntimeError};
pub use runtime::{AttemptEnd, AttemptKey, AttemptSpec, AttemptState, JobRuntime, LogStream};
