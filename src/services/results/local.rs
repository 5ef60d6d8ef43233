use std::sync::Arc;

use async_trait::async_trait;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::Value;

use super::{Discarded, Results, ResultsError};
use crate::model::{JobId, TaskName, TaskResult};
use crate::outputs::{Bucket, OutputsError};
use crate::services::api::ApiError;
use crate::services::outputs_processor::wire::{ResultsPage, ResultsQuery, RetriedResult};
use crate::services::outputs_processor::{OutputsProcessor, accept_spooled};
use crate::store::{AttemptToken, JobStore, Recorded};

/// Requests to a bucket under way at once.
const REQUESTS: usize = 16;

/// Results of the outputs processor in this program, which writes to the scheduler's own store.
pub struct LocalResults {
    processor: Arc<OutputsProcessor>,
    store: Arc<dyn JobStore>,
    bucket: Bucket,
}

impl LocalResults {
    /// `store` and `bucket` are those that `processor` writes to.
    pub fn new(processor: Arc<OutputsProcessor>, store: Arc<dyn JobStore>, bucket: Bucket) -> Self {
        Self { processor, store, bucket }
    }
}

#[async_trait]
impl Results for LocalResults {
    fn trouble(&self) -> Option<String> {
        self.processor.bucket_trouble()
    }

    async fn take(
        &self,
        token: &AttemptToken,
        _task: TaskName,
        result: TaskResult,
    ) -> Result<Recorded, ResultsError> {
        Ok(accept_spooled(&self.processor, token, result).await?)
    }

    async fn note_delivered(&self, _token: &AttemptToken, _id: &JobId) -> Result<bool, ResultsError> {
        // What is delivered is in the store at once.
        Ok(false)
    }

    async fn find(&self, id: &JobId) -> Result<Option<TaskResult>, ResultsError> {
        Ok(self.store.result(id).await?)
    }

    async fn outputs(&self, result: &TaskResult) -> Result<Value, ResultsError> {
        let id = &result.task_id;
        let pointer = result.outputs.clone().unwrap_or_default();
        let pointer = serde_json::from_value(pointer).map_err(|e| {
            ResultsError::Unexpected(format!(
                "the result of job {id} has no outputs in the bucket: {}",
                crate::expectation::json(&e)
            ))
        })?;
        let outputs =
            self.bucket.read(&pointer).await.map_err(|e| ResultsError::Unexpected(e.to_string()))?;
        serde_json::to_value(&outputs).map_err(|e| ResultsError::Unexpected(e.to_string()))
    }

    async fn discard(&self, ids: &[JobId], dry_run: bool) -> Result<Discarded, ResultsError> {
        let own = self.store.own_results(ids).await?;
        let jobs = own.len();
        let each = own.into_iter().map(|id| discard(self.bucket.clone(), id, dry_run));
        let sizes: Vec<u64> = stream::iter(each).buffer_unordered(REQUESTS).try_collect().await?;
        Ok(Discarded { jobs, bytes: sizes.into_iter().sum() })
    }

    async fn refuse(&self, _id: &JobId) -> Result<bool, ResultsError> {
        // The store refuses what comes for a job that is cancelled.
        Ok(true)
    }

    async fn undelivered(&self, query: &ResultsQuery) -> Result<ResultsPage, ApiError> {
        self.processor.undelivered(query).await
    }

    async fn retry(&self, id: &JobId) -> Result<RetriedResult, ApiError> {
        self.processor.retry(id).await
    }
}

/// Deletes what is stored of a job, or only says how much that is.
async fn discard(bucket: Bucket, id: JobId, dry_run: bool) -> Result<u64, OutputsError> {
    let size = bucket.size(&id).await?;
    if size > 0 && !dry_run {
        bucket.delete(&id).await?;
    }
    Ok(size)
}
