//! Taking results of executors.

use std::sync::Arc;

use crate::model::{Outcome, TaskName, TaskResult};
use crate::outputs::{Bucket, Outputs};
use crate::services::ServiceError;
use crate::store::{AttemptToken, JobStore, Recorded, WatchedStore};

/// Takes results that no executor delivers (any more).
#[derive(Clone)]
pub struct Results {
    store: Arc<WatchedStore>,
    bucket: Bucket,
}

impl Results {
    /// Results go to this store, outputs of simulations to this bucket.
    pub fn new(store: Arc<WatchedStore>, bucket: Bucket) -> Self {
        Self { store, bucket }
    }

    /// Stores the outputs of a result as its executor has left it, and records it.
    ///
    /// # Errors
    /// When bucket or store fail; nothing is recorded then.
    pub async fn accept_spooled(
        &self,
        token: &AttemptToken,
        mut result: TaskResult,
    ) -> Result<Recorded, ServiceError> {
        let task = self.store.get(&result.task_id).await?.map(|job| job.task);
        if task == Some(TaskName::Sim)
            && result.status == Outcome::Success
            && let Some(outputs) = result.outputs.take()
        {
            let pointer = self.bucket.write(&result.task_id, Outputs::from_json(outputs)?).await?;
            result.outputs = serde_json::to_value(pointer).ok();
        }
        Ok(self.store.record(token, result, false).await?)
    }
}
