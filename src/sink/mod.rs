//! Where objects go. [`ClusterSink`] checks everything that would change on the server first, and only then applies,
//! rank after rank.

mod apply;
mod check;
mod delete;
mod error;
mod members;
mod options;
mod plan;

pub use apply::{Outcome, Report};
pub use delete::{Deletion, Sweep};
pub use error::{MissingKind, SinkError};
pub use members::{Member, Members};
pub use options::{ApplyProgress, Check, ClusterSink, Options};
pub use plan::Plan;
