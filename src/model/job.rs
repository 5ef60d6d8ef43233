use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::label::is_dns_label;
use super::{ModelError, ModelName, numbers};

/// A job's name and its task id. A DNS-1123 label (lower-case letters, digits, `-`; at most 63 characters), because
/// it names a Kubernetes Job; random ones are UUIDs. Cheap to clone: a queue holds an id in several places.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct JobId(Arc<str>);

impl JobId {
    /// A new random id (UUID version 4).
    pub fn random() -> Self {
        Self(uuid::Uuid::new_v4().to_string().into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for JobId {
    type Err = ModelError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        if is_dns_label(s) {
            Ok(Self(s.into()))
        } else {
            Err(ModelError {
                what: "job id",
                value: s.to_owned(),
                expected: "at most 63 lower-case letters, digits and `-`, as in a UUID or `run-2026-1`",
            })
        }
    }
}

impl TryFrom<String> for JobId {
    type Error = ModelError;

    fn try_from(value: String) -> Result<Self, Self::Error> {
        value.parse()
    }
}

impl From<JobId> for String {
    fn from(id: JobId) -> Self {
        id.0.as_ref().to_owned()
    }
}

/// The four things that can be asked of a model.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, clap::ValueEnum, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum TaskName {
    /// `get_version`
    Version,
    /// `get_inputs`
    Defaults,
    /// `validate_inputs`
    Parse,
    /// `run_model`
    Sim,
}

impl TaskName {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Version => "version",
            Self::Defaults => "defaults",
            Self::Parse => "parse",
            Self::Sim => "sim",
        }
    }
}

impl fmt::Display for TaskName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for TaskName {
    type Err = ModelError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        [Self::Version, Self::Defaults, Self::Parse, Self::Sim]
            .into_iter()
            .find(|t| t.as_str() == s)
            .ok_or_else(|| ModelError {
                what: "task",
                value: s.to_owned(),
                expected: "version, defaults, parse or sim",
            })
    }
}

/// What a task is called with: `meta_param_dict`, `adjustment`, `errors_warnings`, each a JSON object.
pub type TaskKwargs = Map<String, Value>;

/// Where a job stands.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, clap::ValueEnum, schemars::JsonSchema,
)]
#[serde(rename_all = "UPPERCASE")]
#[value(rename_all = "UPPERCASE")]
pub enum JobStatus {
    /// Accepted, not started.
    Pending,
    /// An executor works on it.
    Running,
    /// Ended with a result.
    Success,
    /// Ended without a result.
    Fail,
    /// Ended because somebody asked for it.
    Cancelled,
}

impl JobStatus {
    /// Whether nothing will happen to the job any more.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Success | Self::Fail | Self::Cancelled)
    }

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Running => "RUNNING",
            Self::Success => "SUCCESS",
            Self::Fail => "FAIL",
            Self::Cancelled => "CANCELLED",
        }
    }
}

impl fmt::Display for JobStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A job as the scheduler knows it and as `csw jobs … -o json` shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// Its model.
    pub model: ModelName,
    /// What was asked for: `parse` or `sim`.
    pub task: TaskName,
    /// Where it stands.
    pub status: JobStatus,
    /// Why it stands there, for a person: what a pending job waits for, how a failed one failed (one line).
    pub reason: Option<String>,
    /// The image tag or repository commit that was asked for, if any.
    pub tag: Option<String>,
    /// How often it was started.
    pub attempt: u32,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When its last attempt started.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}

/// How a task ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Outcome {
    /// With outputs.
    Success,
    /// With a traceback.
    Fail,
}

/// Facts about a task's run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct TaskMeta {
    /// Seconds that the model's function took, one entry a call.
    #[serde(deserialize_with = "numbers::rounded_list")]
    pub task_times: Vec<f64>,
}

/// The result of a task: what the executor posts and the web app receives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct TaskResult {
    /// The job's id.
    pub task_id: JobId,
    /// How it ended.
    pub status: Outcome,
    /// Timings.
    pub meta: TaskMeta,
    /// What the model's `get_version` says; with SUCCESS of a simulation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_version: Option<String>,
    /// The function's result with SUCCESS: for `sim` the outputs themselves, or once stored, the pointer to them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outputs: Option<Value>,
    /// The outputs' format, `v1`; with SUCCESS of a simulation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Why it failed: the model's full traceback, or a sentence where there is none; with FAIL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traceback: Option<String>,
}

impl TaskResult {
    /// A FAIL of a task that the model did not work on, or of which nobody knows how long it took.
    pub fn failure(task_id: JobId, traceback: impl Into<String>) -> Self {
        Self {
            task_id,
            status: Outcome::Fail,
            meta: TaskMeta { task_times: Vec::new() },
            model_version: None,
            outputs: None,
            version: None,
            traceback: Some(traceback.into()),
        }
    }
}
