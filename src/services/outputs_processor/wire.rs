//! What goes over the wire under `/api/v1/results`, for both sides.

use serde::{Deserialize, Serialize};

use crate::model::{JobId, JobStatus};
use crate::store::{Undelivered, UndeliveredState};

/// Query of `GET /api/v1/results`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResultsQuery {
    /// Which.
    pub state: UndeliveredState,
    /// Only those of jobs that came to be after this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<JobId>,
    /// At most so many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// A page of `GET /api/v1/results`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ResultsPage {
    /// In the order in which their jobs came to be.
    pub results: Vec<Undelivered>,
    /// `after` of the next page; `None` on the last.
    pub next: Option<JobId>,
}

/// Answer to `POST /api/v1/results/{id}/retry`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RetriedResult {
    /// The job.
    pub task_id: JobId,
    /// Where its result stands now.
    pub state: UndeliveredState,
}

/// Answer to `POST /api/v1/results/{id}/cancel`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelledResult {
    /// Always `CANCELLED`.
    pub status: JobStatus,
}

/// Answer to `GET /api/v1/attempt`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// Always true: what is not wanted is a 409.
    pub wanted: bool,
}
