//! Validated domain types. What can be constructed is valid; nothing here does I/O.

mod duration;
mod error;
mod job;
#[allow(clippy::module_inception)] // the model of a model repository is the heart of the crate
mod model;
mod name;
mod object_ref;
mod quantity;
mod timestamp;

pub use duration::Seconds;
pub use error::ModelError;
pub use job::{Job, JobId, JobStatus, Outcome, TaskKwargs, TaskMeta, TaskName, TaskResult};
pub use model::{ClusterType, Entry, Model, RepoLocation, ResourcePair, Resources};
pub use name::ModelName;
pub use object_ref::{FIELD_MANAGER, GroupVersionKind, ObjectRef};
pub use quantity::{Cpu, Memory};
pub use timestamp::BuildTimestamp;
