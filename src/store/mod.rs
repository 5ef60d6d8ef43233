//! Where jobs, their inputs and their results are kept: a trait, and its implementations.

mod embedded;
mod error;
mod job_store;
mod watched;

pub use embedded::EmbeddedStore;
pub use error::StoreError;
pub use job_store::{
    AttemptToken, Counts, JobStore, Page, Push, PushOutcome, Recorded, RunningAttempt, StartedAttempt,
    Submission, Submitted,
};
pub use watched::WatchedStore;
