//! What goes over the wire under `/api/v1/`, for both sides.

use jiff::Timestamp;
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

/// Body of `POST /api/v1/jobs`: simulations that are accepted in this order.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SubmitMany {
    /// At most 1000.
    pub jobs: Vec<SubmitEntry>,
}

/// One of them.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SubmitEntry {
    /// The model.
    pub model: ModelName,
    /// The job's id; random if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_id: Option<JobId>,
    /// The function's arguments.
    #[serde(default)]
    #[schemars(schema_with = "super::wire_schemas::kwargs")]
    pub task_kwargs: TaskKwargs,
    /// A particular image tag or commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
}

/// Answer to many: what became of each, in the same order.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct SubmittedMany {
    /// One for each.
    pub jobs: Vec<SubmittedEntry>,
}

/// What became of one of many.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct SubmittedEntry {
    /// The job's id, if it was accepted.
    pub task_id: Option<JobId>,
    /// What answering it alone would have had as its status.
    pub status: u16,
    /// Why it was not accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What could help.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<String>,
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

/// Which jobs come first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// Those that were accepted first.
    #[default]
    Oldest,
    /// Those that were accepted last.
    Newest,
}

/// What a page of jobs is asked for with.
#[derive(Debug, Clone, Default)]
pub struct JobQuery {
    /// Only jobs in these states; empty means all.
    pub status: Vec<JobStatus>,
    /// Only jobs of these models; empty means all.
    pub models: Vec<ModelName>,
    /// Only jobs that were accepted then or later.
    pub since: Option<Timestamp>,
    /// Which come first.
    pub order: Order,
    /// The `next` of the page before.
    pub after: Option<JobId>,
    /// At most so many.
    pub limit: usize,
}

/// A page of `GET /api/v1/jobs`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct JobPage {
    /// In the order that was asked for.
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
    /// Only these; empty means all.
    #[serde(default)]
    pub ids: Vec<JobId>,
    /// Removes nothing, and answers what would be.
    #[serde(default)]
    pub dry_run: bool,
}

/// Answer to a cleanup.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Cleaned {
    /// The jobs that were removed, or would be.
    pub removed: Vec<JobId>,
    /// How many of them ended how.
    #[serde(default)]
    pub counts: Ends,
    /// Bytes of logs and results, where that is known.
    #[serde(default)]
    pub bytes: Option<u64>,
    /// Jobs that succeeded and whose results stay in the bucket: they are a web app's.
    #[serde(default)]
    pub results_kept: usize,
}

/// How many jobs ended how.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, JsonSchema)]
pub struct Ends {
    /// With a result.
    pub success: usize,
    /// Without one.
    pub fail: usize,
    /// Because somebody asked for it.
    pub cancelled: usize,
}

impl Ends {
    /// Counts one more; what has not ended counts for nothing.
    pub fn add(&mut self, status: JobStatus) {
        match status {
            JobStatus::Success => self.success += 1,
            JobStatus::Fail => self.fail += 1,
            JobStatus::Cancelled => self.cancelled += 1,
            JobStatus::Pending | JobStatus::Running => {}
        }
    }
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
