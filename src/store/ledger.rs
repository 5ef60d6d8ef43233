//! What the authority for results knows beyond what every job store does.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::{JobId, ModelName, TaskName};

/// How an attempt stands whose token is known to be genuine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Its result is wanted.
    Current,
    /// Its result is the job's.
    Delivered,
    /// A newer attempt counts, or the job has another's result, or it was cancelled.
    Fenced,
}

/// What became of the wish to have no result of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancelled {
    /// None will be taken any more.
    Done,
    /// It has a result already.
    HasResult,
}

/// Why the web app has no result yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum UndeliveredState {
    /// It is tried again and again.
    Waiting,
    /// The web app refused it for good: a dead letter, tried again only when somebody asks for it.
    Dead,
}

impl UndeliveredState {
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Dead => "dead",
        }
    }
}

/// A result that the web app does not have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Undelivered {
    /// The job.
    pub task_id: JobId,
    /// `parse` or `sim`.
    pub task: TaskName,
    /// The model.
    pub model: ModelName,
    /// Whether it is tried again.
    pub state: UndeliveredState,
    /// How often it was tried.
    pub tries: u32,
    /// What came of the last try.
    pub reason: Option<String>,
    /// Since when: the end of the job, or when it was refused for good.
    pub since: Option<Timestamp>,
}

/// What became of the wish to have a result sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retried {
    /// It waits for the web app (again).
    Waiting,
    /// The web app has it.
    Taken,
    /// There is no such result.
    Unknown,
}

/// How many results the web app does not have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Tried again and again.
    pub waiting: u64,
    /// Refused for good.
    pub dead: u64,
}
