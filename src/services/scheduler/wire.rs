//! What goes over the wire under `/api/v1/`, for both sides.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{ClusterType, Job, JobId, JobStatus, Model, ModelName, Seconds, TaskKwargs};

/// Body of `POST /<Owner>/<Title>/`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct SubmitRequest {
    /// `version`, `defaults`, `parse` or `sim`.
    #[schemars(with = "crate::model::TaskName")]
    pub task_name: String,
    /// The function's arguments.
    #[serde(default)]
    #[schemars(schema_with = "super::wire_schemas::kwargs")]
    pub task_kwargs: TaskKwargs,
    /// The job's id; random if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_id: Option<JobId>,
    /// A particular image tag or commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
}

/// Answer to a `sim` or `parse`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Accepted {
    /// The job's id.
    pub task_id: JobId,
    /// `PENDING` for `parse`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<JobStatus>,
}

/// A page of `GET /api/v1/jobs`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct JobPage {
    /// Oldest first.
    pub jobs: Vec<Job>,
    /// `after` of the next page; `None` on the last.
    pub next: Option<JobId>,
}

/// Body of `POST /api/v1/jobs/cleanup`. Only final jobs are ever removed.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CleanupRequest {
    /// Only jobs that ended so; empty means however they ended.
    #[serde(default)]
    #[schemars(schema_with = "super::wire_schemas::ended")]
    pub status: Vec<JobStatus>,
    /// Only jobs of these models; empty means all.
    #[serde(default)]
    pub models: Vec<ModelName>,
    /// Only jobs that ended longer ago than this.
    #[serde(default)]
    pub older_than: Option<Seconds>,
    /// Spares so many of those that ended last.
    #[serde(default)]
    pub keep_last: usize,
    /// Removes nothing, and answers what would be.
    #[serde(default)]
    pub dry_run: bool,
}

/// Answer to a cleanup.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Cleaned {
    /// The jobs that were removed, or would be.
    pub removed: Vec<JobId>,
}

/// An entry of `GET /api/v1/models`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ModelInfo {
    /// `Owner/Title`.
    pub name: ModelName,
    /// One line about it.
    pub oneliner: Option<String>,
    /// How it computes.
    pub cluster_type: ClusterType,
    /// Seconds that a simulation is expected to take.
    pub exp_task_time: Option<Seconds>,
    /// Seconds after which a simulation is ended.
    pub sim_time_limit: Seconds,
}

impl From<&Model> for ModelInfo {
    fn from(model: &Model) -> Self {
        Self {
            name: model.name.clone(),
            oneliner: model.oneliner.clone(),
            cluster_type: model.cluster_type,
            exp_task_time: model.exp_task_time,
            sim_time_limit: model.sim_time_limit,
        }
    }
}
