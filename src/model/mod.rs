//! Validated domain types. What can be constructed is valid; nothing here does I/O.

mod cidr;
mod duration;
mod error;
mod image;
mod install_order;
mod isolation;
mod job;
mod kubernetes;
mod label;
#[allow(clippy::module_inception)] // the model of a model repository is the heart of the crate
mod model;
mod name;
pub mod numbers;
mod object_ref;
mod placement;
mod quantity;
mod test_plan;
mod timestamp;

pub use cidr::Cidr;
pub use duration::Seconds;
pub use error::ModelError;
pub use image::ImageReference;
pub use install_order::InstallOrder;
pub use isolation::{Isolation, Reach};
pub use job::{Job, JobId, JobStatus, Outcome, TaskKwargs, TaskMeta, TaskName, TaskResult};
pub use kubernetes::{
    ByRole, JobSettings, KubernetesSettings, LimitRange, NetworkSettings, PullPolicy, Replicas, Volume,
};
pub use label::{DnsLabel, Labels, is_label_key, is_label_value};
pub use model::{ClusterType, Entry, Model, RepoLocation, ResourcePair, Resources};
pub use name::ModelName;
pub use object_ref::{FIELD_MANAGER, GroupVersionKind, ObjectRef};
pub use placement::{Egress, Gpu, Placement, TaintEffect, Toleration, TolerationOperator};
pub use quantity::{Cpu, Memory, milli_units};
pub use test_plan::{App, AppKind, TestPlan};
pub use timestamp::BuildTimestamp;
