//! Jobs as Kubernetes Jobs: what the cluster shows of them, their logs, their end, and the runtime that makes them.

mod cancel;
mod cleanup;
mod credentials;
mod describe;
mod follow;
mod hindrance;
mod jobs;
mod live;
mod manifest;
mod pod_log;
mod remove;
mod runtime;
mod snapshot;
mod tracker;
mod wait;

pub use cleanup::{CleanupOrder, Retention};
pub use credentials::Credentials;
pub use describe::ClusterJob;
pub use follow::LogEvent;
pub use hindrance::Hindrance;
pub use jobs::KubernetesJobs;
pub use manifest::{
    ATTEMPT_LABEL, JOB_ID_LABEL, MODEL_ANNOTATION, SUBMITTED_ANNOTATION, TASK_ANNOTATION, job_name,
};
pub use runtime::{KubernetesRuntime, Manifest};
pub use tracker::Tracker;
