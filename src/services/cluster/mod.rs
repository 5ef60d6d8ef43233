//! The scheduler in a cluster: models from their job templates, jobs as Kubernetes Jobs, short tasks by inputs servers,
//! and one of several schedulers that leads.

mod catalogue;
mod deployed;
mod forward;
mod host;
mod inputs;
mod retention;
mod run;
mod sleep;

pub use deployed::{Deployed, DeployedModel};
pub use run::{ClusterScheduler, SchedulerConfig};
