//! Where jobs, their inputs and their results are kept: a trait, and its implementations.

mod error;
mod job_store;

pub use error::StoreError;
pub use job_store::{
    AttemptToken, JobStore, Page, Push, PushOutcome, Recorded, StartedAttempt, Submission, Submitted,
};
