//! Where objects go. [`ClusterSink`] checks everything that would change on the server first, and only then applies,
//! rank after rank. [`StreamSink`] and [`DirectorySink`] write them down.

mod apply;
mod check;
mod delete;
mod directory;
mod error;
mod members;
mod options;
mod plan;
mod repair;
mod replace;
mod stream;
mod write_error;

pub use apply::{Outcome, Report};
pub use delete::{Deletion, Sweep};
pub use directory::{DirectorySink, Written};
pub use error::{MissingKind, SinkError};
pub use members::{Member, Members};
pub use options::{ApplyProgress, Check, ClusterSink, Options};
pub use plan::Plan;
pub use repair::Repair;
pub use stream::StreamSink;
pub use write_error::WriteError;
