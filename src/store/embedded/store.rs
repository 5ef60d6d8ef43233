use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;

use super::batch::Batch;
use super::codec::{TokenDigest, encode};
use super::file::StoreFile;
use super::open::{Lock, open};
use super::read::Snapshot;
use super::signing::Signing;
use super::writer::{Refusal, Writer};
use crate::model::{Job, JobId, JobStatus, ModelName, TaskKwargs, TaskResult};
use crate::store::{
    AttemptToken, Counts, JobStore, Page, Push, PushOutcome, Recorded, RunningAttempt, StartedAttempt,
    StoreError, Submission, Submitted,
};

/// Jobs in one file of one folder, for one process at a time.
#[derive(Debug)]
pub struct EmbeddedStore {
    // Fields are dropped in this order: the writer ends, the file is closed, then the lock is let go.
    writer: Writer,
    file: Arc<StoreFile>,
    signing: Signing,
    _lock: Lock,
}

impl EmbeddedStore {
    /// Opens the store in the folder `dir`, which is made if it is not there.
    ///
    /// # Errors
    /// [`StoreError::Locked`] when another process has it open; [`StoreError::Corrupt`] and [`StoreError::Format`]
    /// when the file can't be used; [`StoreError::Io`].
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        let (file, signing, lock) = open(dir)?;
        let file = Arc::new(file);
        let writer = Writer::start(Arc::clone(&file))?;
        Ok(Self { writer, file, signing, _lock: lock })
    }

    /// Whether a token was ever given to an attempt by this store, which is told without looking anything up.
    pub fn has_signed(&self, token: &AttemptToken) -> bool {
        self.signing.is_ours(token)
    }

    /// For lookups of a few pages: those are in memory or in the operating system's cache, and handing them to
    /// another thread would take longer.
    pub(super) fn look<T>(
        &self,
        read: impl FnOnce(&Snapshot) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let seen = self.file.database().and_then(|database| read(&Snapshot::take(&database)?));
        self.noticed(seen)
    }

    pub(super) async fn write<T: Send + 'static>(
        &self,
        operation: impl FnOnce(&mut Batch<'_>) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.writer.write(operation).await
    }

    /// For reads that go over many jobs.
    pub(super) async fn scan<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Snapshot) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let file = Arc::clone(&self.file);
        let seen = move || {
            let database = file.database()?;
            read(&Snapshot::take(&database)?)
        };
        let seen = tokio::task::spawn_blocking(seen)
            .await
            .map_err(|e| StoreError::Failed { reason: format!("a read was given up: {e}") })?;
        self.noticed(seen)
    }

    /// A read that failed may mean that the file has to be opened anew, which is the writer's work.
    fn noticed<T>(&self, seen: Result<T, StoreError>) -> Result<T, StoreError> {
        if matches!(seen, Err(StoreError::Failed { .. })) {
            self.writer.look();
        }
        seen
    }
}

#[async_trait]
impl JobStore for EmbeddedStore {
    async fn submit(&self, submission: Submission) -> Result<Submitted, StoreError> {
        let kwargs = encode(&submission.kwargs)?;
        self.writer.write(move |batch| batch.submit(&submission, &kwargs, Timestamp::now())).await
    }

    async fn get(&self, id: &JobId) -> Result<Option<Job>, StoreError> {
        self.look(|s| Ok(s.record(id)?.map(|r| r.job)))
    }

    async fn kwargs(&self, id: &JobId) -> Result<Option<TaskKwargs>, StoreError> {
        self.look(|s| s.kwargs(id))
    }

    async fn list(&self, page: &Page) -> Result<Vec<Job>, StoreError> {
        let page = page.clone();
        if page.is_head_of_a_queue() {
            return self.look(|s| s.list(&page));
        }
        self.scan(move |s| s.list(&page)).await
    }

    async fn pending(&self, limit: usize) -> Result<Vec<Job>, StoreError> {
        let page = Page { status: vec![JobStatus::Pending], limit: Some(limit), ..Page::default() };
        if limit <= 64 { self.look(|s| s.list(&page)) } else { self.scan(move |s| s.list(&page)).await }
    }

    async fn waiting(&self) -> Result<Vec<ModelName>, StoreError> {
        self.look(Snapshot::waiting)
    }

    async fn counts(&self) -> Result<Counts, StoreError> {
        self.look(Snapshot::counts)
    }

    async fn running(&self) -> Result<Vec<RunningAttempt>, StoreError> {
        let signing = self.signing.clone();
        let found = self.scan(move |s| s.running(&signing)).await?;
        let unknown: Vec<RunningAttempt> =
            found.iter().filter(|(_, is_known)| !is_known).map(|(attempt, _)| attempt.clone()).collect();
        if !unknown.is_empty() {
            let renew =
                move |batch: &mut Batch<'_>| unknown.iter().try_for_each(|attempt| batch.renew(attempt));
            self.writer.write(renew).await?;
        }
        Ok(found.into_iter().map(|(attempt, _)| attempt).collect())
    }

    async fn start(&self, id: &JobId) -> Result<Option<StartedAttempt>, StoreError> {
        let (id, signing) = (id.clone(), self.signing.clone());
        self.writer.write(move |batch| batch.start(&id, &signing, Timestamp::now())).await
    }

    async fn requeue(&self, id: &JobId, attempt: u32, lost: bool, reason: &str) -> Result<bool, StoreError> {
        let (id, reason) = (id.clone(), reason.to_owned());
        self.writer.write(move |batch| batch.requeue(&id, attempt, lost, &reason)).await
    }

    async fn defer(&self, id: &JobId, attempt: u32, reason: &str) -> Result<bool, StoreError> {
        let (id, reason) = (id.clone(), reason.to_owned());
        self.writer.write(move |batch| batch.defer(&id, attempt, &reason)).await
    }

    async fn set_reason(&self, id: &JobId, reason: Option<&str>) -> Result<(), StoreError> {
        let (id, reason) = (id.clone(), reason.map(str::to_owned));
        self.writer.write(move |batch| batch.set_reason(&id, reason.as_deref())).await
    }

    async fn check(&self) -> Result<(), StoreError> {
        match self.file.failure() {
            Some(failure) => Err(failure),
            None => self.look(Snapshot::counts).map(drop),
        }
    }

    async fn check_token(&self, id: &JobId, token: &AttemptToken) -> Result<bool, StoreError> {
        let token = TokenDigest::of(token);
        self.look(|s| Ok(s.record(id)?.is_some_and(|r| r.token.as_ref() == Some(&token))))
    }

    async fn record(
        &self,
        token: &AttemptToken,
        result: TaskResult,
        push: bool,
    ) -> Result<Recorded, StoreError> {
        let token = token.clone();
        self.writer.write(move |batch| batch.record(&token, &result, push, Timestamp::now())).await
    }

    async fn result(&self, id: &JobId) -> Result<Option<TaskResult>, StoreError> {
        self.look(|s| s.result(id))
    }

    async fn cancel(&self, id: &JobId, reason: &str) -> Result<Option<Job>, StoreError> {
        let (id, reason) = (id.clone(), reason.to_owned());
        self.writer.write(move |batch| batch.cancel(&id, &reason, Timestamp::now())).await
    }

    async fn own_results(&self, ids: &[JobId]) -> Result<Vec<JobId>, StoreError> {
        let ids = ids.to_vec();
        self.scan(move |s| s.own_results(ids)).await
    }

    async fn remove(&self, ids: &[JobId]) -> Result<Vec<JobId>, StoreError> {
        let ids = ids.to_vec();
        self.writer.write(move |batch| batch.remove(&ids)).await
    }

    async fn pushes(&self, limit: usize) -> Result<Vec<Push>, StoreError> {
        self.scan(move |s| s.pushes(limit)).await
    }

    async fn pushed(&self, id: &JobId, outcome: PushOutcome) -> Result<(), StoreError> {
        let id = id.clone();
        self.writer.write(move |batch| batch.pushed(&id, outcome, Timestamp::now())).await
    }
}
