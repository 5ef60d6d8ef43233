//! Where the results of jobs are: beside the scheduler in one program, or with an outputs processor of its own.

mod authority;
mod error;
mod local;
mod remote;

pub use authority::{Discarded, Results};
pub use error::ResultsError;
pub use local::LocalResults;
pub use remote::RemoteResults;
