use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tokio::sync::watch;

use super::times::{Clockwork, OperationTimes};
use super::{
    AttemptToken, Counts, JobStore, Page, Push, PushOutcome, Recorded, RunningAttempt, StartedAttempt,
    StoreError, Submission, Submitted,
};
use crate::model::{Job, JobId, ModelName, TaskKwargs, TaskResult};

/// A store that tells those who wait for a job that something has changed, and that can hold back results of jobs
/// that are being stopped.
pub struct WatchedStore {
    inner: Arc<dyn JobStore>,
    changes: watch::Sender<u64>,
    held: Mutex<HashSet<JobId>>,
    clock: Clockwork,
}

impl WatchedStore {
    /// Watches `inner`; all access has to go through here from now on.
    pub fn new(inner: Arc<dyn JobStore>) -> Self {
        Self { inner, changes: watch::Sender::new(0), held: Mutex::default(), clock: Clockwork::new() }
    }

    /// How long its operations took.
    pub fn times(&self) -> OperationTimes {
        self.clock.times()
    }

    /// Sees every change to any job after this call. The number means nothing.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// From now on refuses, as [`Recorded::Fenced`], what executors deliver for this job: it is told to end, and the
    /// failure that it will report is not its own.
    pub fn hold(&self, id: &JobId) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone());
    }

    /// Ends [`WatchedStore::hold`].
    pub fn release(&self, id: &JobId) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    fn is_held(&self, id: &JobId) -> bool {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).contains(id)
    }

    fn changed<T>(&self, outcome: T) -> T {
        // Without a waiting receiver this is a counter and nothing else.
        self.changes.send_modify(|n| *n = n.wrapping_add(1));
        outcome
    }
}

#[async_trait]
impl JobStore for WatchedStore {
    async fn submit(&self, submission: Submission) -> Result<Submitted, StoreError> {
        self.clock.time("submit", self.inner.submit(submission)).await
    }

    async fn get(&self, id: &JobId) -> Result<Option<Job>, StoreError> {
        self.clock.time("get", self.inner.get(id)).await
    }

    async fn kwargs(&self, id: &JobId) -> Result<Option<TaskKwargs>, StoreError> {
        self.clock.time("kwargs", self.inner.kwargs(id)).await
    }

    async fn list(&self, page: &Page) -> Result<Vec<Job>, StoreError> {
        self.clock.time("list", self.inner.list(page)).await
    }

    async fn pending(&self, limit: usize) -> Result<Vec<Job>, StoreError> {
        self.clock.time("pending", self.inner.pending(limit)).await
    }

    async fn recent(&self, limit: usize) -> Result<Vec<Job>, StoreError> {
        self.clock.time("recent", self.inner.recent(limit)).await
    }

    async fn waiting(&self) -> Result<Vec<ModelName>, StoreError> {
        self.clock.time("waiting", self.inner.waiting()).await
    }

    async fn counts(&self) -> Result<Counts, StoreError> {
        self.clock.time("counts", self.inner.counts()).await
    }

    async fn running(&self) -> Result<Vec<RunningAttempt>, StoreError> {
        self.clock.time("running", self.inner.running()).await
    }

    async fn start(&self, id: &JobId) -> Result<Option<StartedAttempt>, StoreError> {
        self.clock.time("start", self.inner.start(id)).await.map(|outcome| self.changed(outcome))
    }

    async fn requeue(&self, id: &JobId, attempt: u32, lost: bool, reason: &str) -> Result<bool, StoreError> {
        self.clock
            .time("requeue", self.inner.requeue(id, attempt, lost, reason))
            .await
            .map(|outcome| self.changed(outcome))
    }

    async fn defer(&self, id: &JobId, attempt: u32, reason: &str) -> Result<bool, StoreError> {
        self.clock
            .time("defer", self.inner.defer(id, attempt, reason))
            .await
            .map(|outcome| self.changed(outcome))
    }

    async fn set_reason(&self, id: &JobId, reason: Option<&str>) -> Result<(), StoreError> {
        self.clock
            .time("set_reason", self.inner.set_reason(id, reason))
            .await
            .map(|outcome| self.changed(outcome))
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.inner.check().await
    }

    async fn check_token(&self, id: &JobId, token: &AttemptToken) -> Result<bool, StoreError> {
        Ok(!self.is_held(id) && self.clock.time("check_token", self.inner.check_token(id, token)).await?)
    }

    async fn record(
        &self,
        token: &AttemptToken,
        result: TaskResult,
        push: bool,
    ) -> Result<Recorded, StoreError> {
        if self.is_held(&result.task_id) {
            return Ok(Recorded::Fenced);
        }
        self.clock
            .time("record", self.inner.record(token, result, push))
            .await
            .map(|outcome| self.changed(outcome))
    }

    async fn result(&self, id: &JobId) -> Result<Option<TaskResult>, StoreError> {
        self.clock.time("result", self.inner.result(id)).await
    }

    async fn cancel(&self, id: &JobId, reason: &str) -> Result<Option<Job>, StoreError> {
        self.clock.time("cancel", self.inner.cancel(id, reason)).await.map(|outcome| self.changed(outcome))
    }

    async fn own_results(&self, ids: &[JobId]) -> Result<Vec<JobId>, StoreError> {
        self.clock.time("own_results", self.inner.own_results(ids)).await
    }

    async fn remove(&self, ids: &[JobId]) -> Result<Vec<JobId>, StoreError> {
        self.clock.time("remove", self.inner.remove(ids)).await.map(|outcome| self.changed(outcome))
    }

    async fn pushes(&self, limit: usize) -> Result<Vec<Push>, StoreError> {
        self.clock.time("pushes", self.inner.pushes(limit)).await
    }

    async fn pushed(&self, id: &JobId, outcome: PushOutcome) -> Result<(), StoreError> {
        self.clock.time("pushed", self.inner.pushed(id, outcome)).await
    }
}
