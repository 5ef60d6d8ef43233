//! Running the executors of jobs: a trait, and its implementations.

mod ending;
mod error;
pub mod kubernetes;
pub mod process;
mod runtime;

pub use ending::{AttemptEnd, Blame, EndCause};
pub use error::{HINDERED, Obstacle, RuntimeError};
pub use runtime::{AttemptKey, AttemptSpec, AttemptState, JobRuntime, LogStream};
