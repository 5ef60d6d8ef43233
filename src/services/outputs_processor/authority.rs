use axum::http::StatusCode;

use super::OutputsProcessor;
use super::wire::{CancelledResult, ResultsPage, ResultsQuery, RetriedResult};
use crate::model::{JobId, JobStatus, TaskResult};
use crate::outputs::{Outputs, OutputsError};
use crate::services::api::ApiError;
use crate::store::{Cancelled, JobStore as _, Retried, UndeliveredState};

/// Results on a page at most.
const MAX_PAGE: usize = 1000;

/// What other services ask an outputs processor, on the network or in the same program.
impl OutputsProcessor {
    /// The result of a job; outputs of a simulation are a pointer.
    ///
    /// # Errors
    /// 404 where there is none, 409 where the job was cancelled.
    pub async fn result(&self, id: &JobId) -> Result<TaskResult, ApiError> {
        if let Some(result) = self.ledger.result(id).await? {
            return Ok(result);
        }
        if self.ledger.is_cancelled(id)? {
            return Err(ApiError::new(StatusCode::CONFLICT, format!("job {id} was cancelled")));
        }
        Err(ApiError::new(StatusCode::NOT_FOUND, format!("there is no result of job {id}")))
    }

    /// The outputs of a simulation.
    ///
    /// # Errors
    /// As [`OutputsProcessor::result`]; 409 where the result has no outputs in the bucket, 503 where the bucket can't be
    /// read.
    pub async fn outputs(&self, id: &JobId) -> Result<Outputs, ApiError> {
        let pointer = self.result(id).await?.outputs.and_then(|o| serde_json::from_value(o).ok());
        let pointer = pointer.ok_or_else(|| {
            ApiError::new(StatusCode::CONFLICT, format!("job {id} has no outputs in the bucket"))
        })?;
        Ok(self.bucket.read(&pointer).await?)
    }

    /// Takes no result of this job from now on.
    ///
    /// # Errors
    /// 409 where it has one already.
    pub async fn cancel(&self, id: &JobId) -> Result<CancelledResult, ApiError> {
        match self.ledger.bury(id, "cancelled").await? {
            Cancelled::Done => Ok(CancelledResult { status: JobStatus::Cancelled }),
            Cancelled::HasResult => {
                Err(ApiError::new(StatusCode::CONFLICT, format!("job {id} has a result already")))
            }
        }
    }

    /// Results that the web app does not have.
    ///
    /// # Errors
    /// 404 where `after` is gone.
    pub async fn undelivered(&self, query: &ResultsQuery) -> Result<ResultsPage, ApiError> {
        let limit = query.limit.unwrap_or(MAX_PAGE).clamp(1, MAX_PAGE);
        let mut results = self.ledger.undelivered(query.state, query.after.clone(), limit + 1).await?;
        let more = results.len() > limit;
        results.truncate(limit);
        let next = results.last().filter(|_| more).map(|result| result.task_id.clone());
        Ok(ResultsPage { results, next })
    }

    /// Sends a dead letter to the web app again. Harmless where it waits already.
    ///
    /// # Errors
    /// 404 where there is no such result, 409 where the web app has it.
    pub async fn retry(&self, id: &JobId) -> Result<RetriedResult, ApiError> {
        match self.ledger.retry(id).await? {
            Retried::Waiting => {
                self.recorded.notify_one();
                Ok(RetriedResult { task_id: id.clone(), state: UndeliveredState::Waiting })
            }
            Retried::Taken => Err(ApiError::new(
                StatusCode::CONFLICT,
                format!("the result of job {id} does not wait for the web app"),
            )
            .hint("List those that were refused: `csw jobs results --dead`")),
            Retried::Unknown => {
                Err(ApiError::new(StatusCode::NOT_FOUND, format!("there is no result of job {id}")))
            }
        }
    }
}

impl From<OutputsError> for ApiError {
    fn from(error: OutputsError) -> Self {
        let status = match error {
            OutputsError::Missing { .. } => StatusCode::NOT_FOUND,
            OutputsError::Bucket { .. } | OutputsError::Io { .. } => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, error.to_string())
    }
}
