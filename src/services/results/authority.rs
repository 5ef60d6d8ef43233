use async_trait::async_trait;
use serde_json::Value;

use super::ResultsError;
use crate::model::{JobId, TaskName, TaskResult};
use crate::services::api::ApiError;
use crate::services::outputs_processor::wire::{ResultsPage, ResultsQuery, RetriedResult};
use crate::store::{AttemptToken, Recorded};

/// What became of outputs that nobody needs any more.
#[derive(Debug, Clone, Copy, Default)]
pub struct Discarded {
    /// Jobs of which everything went.
    pub jobs: usize,
    /// So many bytes of them.
    pub bytes: u64,
}

/// The authority for results: each job has at most one, whoever brings it first.
#[async_trait]
pub trait Results: Send + Sync + 'static {
    /// Why results could not be stored at the moment, as far as is known here.
    fn trouble(&self) -> Option<String> {
        None
    }

    /// Takes a result (with its outputs) in the executor's place, and notes in the scheduler's store how the job ended.
    /// If there is a result of the job already, that one is noted.
    ///
    /// # Errors
    /// When it could not be taken; it may be brought again.
    async fn take(
        &self,
        token: &AttemptToken,
        task: TaskName,
        result: TaskResult,
    ) -> Result<Recorded, ResultsError>;

    /// Notes in the scheduler's store a result that an executor has delivered elsewhere. False if there is none.
    ///
    /// # Errors
    /// When nobody can tell.
    async fn note_delivered(&self, token: &AttemptToken, id: &JobId) -> Result<bool, ResultsError>;

    /// The result of a job; outputs of a simulation are a pointer.
    ///
    /// # Errors
    /// When nobody can tell.
    async fn find(&self, id: &JobId) -> Result<Option<TaskResult>, ResultsError>;

    /// The outputs that a result points to.
    ///
    /// # Errors
    /// When they can't be read.
    async fn outputs(&self, result: &TaskResult) -> Result<Value, ResultsError>;

    /// Deletes outputs of these jobs that are nobody else's, or only says how much that is. Outputs that were handed to a web
    /// app are the web app's.
    ///
    /// # Errors
    /// When the bucket refuses; part of them may be gone then.
    async fn discard(&self, _ids: &[JobId], _dry_run: bool) -> Result<Discarded, ResultsError> {
        Ok(Discarded::default())
    }

    /// Sees to it that no result of the job is taken any more. False if there is one already.
    ///
    /// # Errors
    /// When that can't be seen to.
    async fn refuse(&self, id: &JobId) -> Result<bool, ResultsError>;

    /// Results that the web app does not have: those that wait for it, or that it refused for good.
    ///
    /// # Errors
    /// When nobody can tell, or the page's start is gone.
    async fn undelivered(&self, query: &ResultsQuery) -> Result<ResultsPage, ApiError>;

    /// Sends a result that the web app refused to it again.
    ///
    /// # Errors
    /// 404 where there is no such result, 409 where the web app has it.
    async fn retry(&self, id: &JobId) -> Result<RetriedResult, ApiError>;
}
