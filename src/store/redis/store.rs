use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::document::{failed, inputs_key};
use super::index::Index;
use super::inputs::InputsError;
use super::ledger::Ledger;
use super::link::Link;
use super::open::{Opened, open};
use super::record::{Digest, Record};
use super::writer::{Operation, QUEUE, ROOM, Shared, Writer, Written};
use super::{REMEMBERED, RedisConfig};
use crate::model::{Job, JobId, JobStatus, ModelName, TaskKwargs, TaskResult};
use crate::store::{
    AttemptToken, ClusterKey, Counts, JobStore, Page, Push, PushOutcome, Recorded, RunningAttempt,
    StartedAttempt, StoreError, Submission, Submitted,
};

/// The web app's list of projects.
const PROJECTS: &str = "projects";
/// How soon Redis has to answer who only asks whether it does.
const PROBE: Duration = Duration::from_secs(3);

/// Jobs in Redis, for one scheduler at a time: see [the module](super).
pub struct RedisStore {
    config: RedisConfig,
    key: ClusterKey,
    link: Link,
    operations: mpsc::Sender<Operation>,
    room: Arc<Semaphore>,
    shared: Arc<Shared>,
    cancel: CancellationToken,
    writer: Mutex<Option<JoinHandle<()>>>,
    _ends_the_writer: DropGuard,
}

impl RedisStore {
    /// Takes over the jobs that are in Redis: a store elsewhere that is still open fails from now on. Waits for a Redis
    /// that is away as long as the configuration says.
    ///
    /// # Errors
    /// [`StoreError::Denied`], [`StoreError::Unavailable`], and [`StoreError::Document`] when what is there was written by
    /// a later version or with another key.
    pub async fn open(config: RedisConfig, key: ClusterKey) -> Result<Self, StoreError> {
        Self::open_with(config, key, REMEMBERED).await
    }

    pub(super) async fn open_with(
        config: RedisConfig,
        key: ClusterKey,
        remembered: usize,
    ) -> Result<Self, StoreError> {
        let Opened { session, known, ledger } = open(&config, &key, remembered).await?;
        let mut published = Index::default();
        ledger.index.all().for_each(|record| published.put(Arc::clone(record)));
        let shared = Arc::new(Shared {
            published: RwLock::new(published),
            written: Mutex::new(Written::nothing()),
            trouble: Mutex::default(),
            closed: watch::Sender::new(None),
        });
        let cancel = CancellationToken::new();
        let (operations, queue) = mpsc::channel(QUEUE);
        let writer = Writer {
            config: config.clone(),
            key: key.record_key(),
            session: Some(session),
            known,
            ledger,
            shared: Arc::clone(&shared),
            cancel: cancel.clone(),
        };
        let writer = Mutex::new(Some(tokio::spawn(writer.run(queue))));
        let link = Link::new(config.clone());
        let guard = cancel.clone().drop_guard();
        let room = Arc::new(Semaphore::new(ROOM as usize));
        Ok(Self { config, key, link, operations, room, shared, cancel, writer, _ends_the_writer: guard })
    }

    /// Stops writing. What has not been answered fails, and so does everything that is asked for later, with
    /// [`StoreError::Unavailable`]; when this returns, nothing more is sent to Redis.
    pub async fn close(&self) {
        self.cancel.cancel();
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer {
            // Its end is all that counts.
            drop(writer.await);
        }
    }

    /// Waits until the store is closed, here or because another scheduler took over; returns why.
    pub async fn closed(&self) -> String {
        let mut closed = self.shared.closed.subscribe();
        match closed.wait_for(Option::is_some).await {
            Ok(reason) => reason.clone().unwrap_or_default(),
            // The sender lives as long as the store.
            Err(_) => String::new(),
        }
    }

    /// The text that [`RedisStore::set_projects`] kept.
    ///
    /// # Errors
    /// When Redis can't be reached.
    pub async fn get_projects(&self) -> Result<Option<String>, StoreError> {
        self.check_open()?;
        let text = self.link.get(PROJECTS).await?;
        Ok(text.map(|text| String::from_utf8_lossy(&text).into_owned()))
    }

    /// Keeps the web app's list of projects.
    ///
    /// # Errors
    /// When Redis can't be reached.
    pub async fn set_projects(&self, text: &str) -> Result<(), StoreError> {
        self.check_open()?;
        self.link.set(PROJECTS, text.as_bytes()).await
    }

    fn check_open(&self) -> Result<(), StoreError> {
        if self.cancel.is_cancelled() || self.shared.closed.borrow().is_some() {
            return Err(self.closed_error());
        }
        Ok(())
    }

    fn closed_error(&self) -> StoreError {
        let reason = self.shared.closed.borrow().clone();
        StoreError::Unavailable { reason: reason.unwrap_or_else(|| "it was closed".to_owned()) }
    }

    /// What Redis has.
    fn index(&self) -> Result<RwLockReadGuard<'_, Index>, StoreError> {
        self.check_open()?;
        Ok(self.shared.published.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn find(&self, id: &JobId) -> Result<Option<Arc<Record>>, StoreError> {
        Ok(self.index()?.get(id).map(Arc::clone))
    }

    /// Has the writer do something; returns when Redis has it. A Redis that is away is waited for within bounds. With
    /// `begun_is_done` the bounds end once the operation was begun: it will be done, and the caller has to know.
    async fn write<T: Send + 'static>(
        &self,
        bytes: usize,
        begun_is_done: bool,
        operation: impl FnOnce(&mut Ledger) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        self.check_open()?;
        let patience = self.shared.nothing_written_for(self.config.patience);
        tokio::pin!(patience);
        let size = u32::try_from(bytes.div_ceil(1024)).unwrap_or(ROOM).clamp(1, ROOM);
        let room = tokio::select! {
            room = Arc::clone(&self.room).acquire_many_owned(size) => room.map_err(|_| self.closed_error())?,
            () = &mut patience => return Err(self.shared.unavailable(&self.config)),
        };
        let (operation, stage, mut answer) = Operation::new(bytes, room, operation);
        tokio::select! {
            sent = self.operations.send(operation) => sent.map_err(|_| self.closed_error())?,
            () = &mut patience => return Err(self.shared.unavailable(&self.config)),
        }
        tokio::select! {
            answer = &mut answer => return answer.map_err(|_| self.closed_error()),
            () = &mut patience => {}
        }
        if stage.give_up() || !begun_is_done {
            return Err(self.shared.unavailable(&self.config));
        }
        answer.await.map_err(|_| self.closed_error())
    }

    async fn load(&self, id: &JobId) -> Result<Option<TaskKwargs>, StoreError> {
        let name = inputs_key(id);
        let Some(sealed) = self.link.get(&name).await? else { return Ok(None) };
        let unreadable = || StoreError::Document {
            key: name.clone(),
            server: self.config.server(),
            problem: "is damaged, or sealed with another cluster key".to_owned(),
            hint: "Submit the job again under another id",
        };
        let text = self.key.job_key(id).open(&name, &sealed).map_err(|_| unreadable())?;
        serde_json::from_slice(&text).map(Some).map_err(|_| unreadable())
    }
}

#[async_trait]
impl JobStore for RedisStore {
    async fn submit(&self, submission: Submission) -> Result<Submitted, StoreError> {
        let text = serde_json::to_vec(&submission.kwargs).map_err(|e| failed(&e))?;
        let name = inputs_key(&submission.id);
        let sealed = self.key.job_key(&submission.id).seal(&name, &text).map_err(|e| failed(&e))?;
        let digest = Digest::of(&submission.kwargs);
        let now = Timestamp::now();
        self.write(sealed.len(), false, move |ledger| ledger.submit(submission, sealed, digest, now)).await?
    }

    async fn get(&self, id: &JobId) -> Result<Option<Job>, StoreError> {
        Ok(self.find(id)?.map(|record| record.job.clone()))
    }

    /// `None` once the job has ended: nobody needs them any more.
    async fn kwargs(&self, id: &JobId) -> Result<Option<TaskKwargs>, StoreError> {
        match self.find(id)? {
            Some(record) if !record.job.status.is_final() => self.load(id).await,
            _ => Ok(None),
        }
    }

    async fn list(&self, page: &Page) -> Result<Vec<Job>, StoreError> {
        self.index()?.list(page)
    }

    async fn pending(&self, limit: usize) -> Result<Vec<Job>, StoreError> {
        let index = self.index()?;
        Ok(index.of(JobStatus::Pending).take(limit).map(|record| record.job.clone()).collect())
    }

    async fn waiting(&self) -> Result<Vec<ModelName>, StoreError> {
        Ok(self.index()?.waiting())
    }

    async fn counts(&self) -> Result<Counts, StoreError> {
        Ok(self.index()?.counts())
    }

    async fn running(&self) -> Result<Vec<RunningAttempt>, StoreError> {
        let index = self.index()?;
        Ok(index.of(JobStatus::Running).filter_map(|record| record.running(&self.key)).collect())
    }

    async fn start(&self, id: &JobId) -> Result<Option<StartedAttempt>, StoreError> {
        let kwargs = match self.find(id)? {
            Some(record) if record.job.status == JobStatus::Pending => self.load(id).await,
            _ => return Ok(None),
        };
        let kwargs = match kwargs {
            Ok(Some(kwargs)) => Ok(kwargs),
            Ok(None) => Err(InputsError::Missing { id: id.clone() }.to_string()),
            Err(e @ StoreError::Document { .. }) => Err(e.to_string()),
            Err(e) => return Err(e),
        };
        let (id, now) = (id.clone(), Timestamp::now());
        let started = self.write(0, true, move |ledger| ledger.start(&id, now)).await?;
        Ok(started.map(|record| StartedAttempt {
            token: self.key.attempt_token(&record.claims()),
            lost: record.lost,
            job: record.job,
            kwargs,
        }))
    }

    async fn requeue(&self, id: &JobId, attempt: u32, lost: bool, reason: &str) -> Result<bool, StoreError> {
        let (id, reason) = (id.clone(), reason.to_owned());
        self.write(0, false, move |ledger| ledger.requeue(&id, attempt, lost, &reason)).await
    }

    async fn defer(&self, id: &JobId, attempt: u32, reason: &str) -> Result<bool, StoreError> {
        let (id, reason) = (id.clone(), reason.to_owned());
        self.write(0, false, move |ledger| ledger.defer(&id, attempt, &reason)).await
    }

    async fn set_reason(&self, id: &JobId, reason: Option<&str>) -> Result<(), StoreError> {
        let (id, reason) = (id.clone(), reason.map(str::to_owned));
        self.write(0, false, move |ledger| ledger.set_reason(&id, reason.as_deref())).await
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.check_open()?;
        let trouble = self.shared.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(trouble) = trouble {
            return Err(trouble.into_error(&self.config));
        }
        self.link.ping(PROBE).await
    }

    async fn check_token(&self, id: &JobId, token: &AttemptToken) -> Result<bool, StoreError> {
        let Some(record) = self.find(id)? else { return Ok(false) };
        Ok(record.job.status == JobStatus::Running && self.key.verify(token) == Some(record.claims()))
    }

    /// Only how the job ended: results are the outputs processor's, and so are pushes to the web app.
    async fn record(
        &self,
        token: &AttemptToken,
        result: TaskResult,
        _push: bool,
    ) -> Result<Recorded, StoreError> {
        let (token, now) = (token.clone(), Timestamp::now());
        self.write(0, false, move |ledger| ledger.record(&token, &result, now)).await
    }

    /// `None`: the outputs processor has them.
    async fn result(&self, _id: &JobId) -> Result<Option<TaskResult>, StoreError> {
        self.check_open()?;
        Ok(None)
    }

    async fn cancel(&self, id: &JobId, reason: &str) -> Result<Option<Job>, StoreError> {
        let (id, reason, now) = (id.clone(), reason.to_owned(), Timestamp::now());
        self.write(0, false, move |ledger| ledger.cancel(&id, &reason, now)).await
    }

    async fn remove(&self, ids: &[JobId]) -> Result<Vec<JobId>, StoreError> {
        let ids = ids.to_vec();
        self.write(0, false, move |ledger| ledger.remove(&ids)).await
    }

    /// None: the outputs processor pushes.
    async fn pushes(&self, _limit: usize) -> Result<Vec<Push>, StoreError> {
        self.check_open()?;
        Ok(Vec::new())
    }

    /// Nothing: the outputs processor pushes.
    async fn pushed(&self, _id: &JobId, _outcome: PushOutcome) -> Result<(), StoreError> {
        self.check_open()
    }
}

impl std::fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisStore").field("config", &self.config).finish_non_exhaustive()
    }
}
