use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::board::{Board, Environment};
use super::{Limits, ModelHost};
use crate::job::{AttemptKey, JobRuntime};
use crate::model::{Job, JobId, JobStatus, TaskName};
use crate::services::ServiceError;
use crate::services::models::Models;
use crate::services::results::Results;
use crate::store::{JobStore, WatchedStore};

/// Starts accepted jobs, at most so many at once, and sees each to its end. Cheap to clone.
#[derive(Clone)]
pub struct Dispatcher {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) store: Arc<WatchedStore>,
    pub(super) runtime: Arc<dyn JobRuntime>,
    pub(super) host: Arc<dyn ModelHost>,
    pub(super) results: Arc<dyn Results>,
    pub(super) models: Models,
    pub(super) limits: Limits,
    pub(super) wake: Notify,
    /// A permit for each executor that may be made at the same time.
    pub(super) making: Semaphore,
    pub(super) tasks: TaskTracker,
    /// Ends pauses between tries.
    pub(super) stopped: CancellationToken,
    board: Mutex<Board>,
}

impl Dispatcher {
    /// A dispatcher that does nothing before [`Dispatcher::run`].
    pub fn new(
        store: Arc<WatchedStore>,
        runtime: Arc<dyn JobRuntime>,
        host: Arc<dyn ModelHost>,
        results: Arc<dyn Results>,
        models: Models,
        limits: Limits,
    ) -> Self {
        let shared = Shared {
            store,
            runtime,
            host,
            results,
            models,
            limits,
            wake: Notify::new(),
            making: Semaphore::new(limits.max_starting.max(1)),
            tasks: TaskTracker::new(),
            stopped: CancellationToken::new(),
            board: Mutex::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Starts jobs until [`Dispatcher::stop`]. [`Dispatcher::reconcile`] comes before.
    pub async fn run(&self) {
        loop {
            if let Err(e) = self.fill().await {
                tracing::error!("cannot start jobs: {e}");
            }
            // A permit that came meanwhile is kept, so nothing is missed.
            self.shared.wake.notified().await;
            if self.is_stopping() {
                return;
            }
        }
    }

    /// Tells that a job was accepted.
    pub fn accepted(&self, job: &Job) {
        // Short tasks don't wait behind simulations.
        if job.task == TaskName::Parse {
            self.start_short(job);
        } else {
            self.queued(job);
        }
    }

    /// There is a job in its model's queue.
    pub(super) fn queued(&self, job: &Job) {
        self.board().lanes.accepted(&job.model);
        self.shared.wake.notify_one();
    }

    /// Cancels a job and ends its executor. Returns the job as it stands; `None` if there is none.
    ///
    /// # Errors
    /// When the store fails, or results of the job can't be kept from being taken.
    pub async fn cancel(&self, id: &JobId, reason: &str) -> Result<Option<Job>, ServiceError> {
        let Some(job) = self.shared.store.get(id).await? else { return Ok(None) };
        // One that has its result already ends with it.
        if job.status.is_final() || !self.shared.results.refuse(id).await? {
            return Ok(Some(job));
        }
        let Some(job) = self.shared.store.cancel(id, reason).await? else { return Ok(None) };
        if job.status == JobStatus::Cancelled {
            let key = AttemptKey { id: id.clone(), attempt: job.attempt };
            let runs = self.board().running.contains(&key);
            if runs {
                self.spawn(move |d| async move { d.end(&key).await });
            }
        }
        Ok(Some(job))
    }

    /// Starts no more jobs, asks those that run to end, and puts those that ended without a result of their own back
    /// to their place in the queue. Returns how many were put back.
    pub async fn stop(&self) -> usize {
        let running: Vec<AttemptKey> = {
            let mut board = self.board();
            board.stopping = true;
            board.running.iter().cloned().collect()
        };
        self.shared.wake.notify_one();
        for key in &running {
            // One that has its result already only needs to deliver it.
            match self.shared.runtime.spooled(key).await {
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => self.shared.store.hold(&key.id),
            }
        }
        futures::future::join_all(running.iter().map(|key| self.end(key))).await;
        self.shared.stopped.cancel();
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
        running.len()
    }

    /// Whether [`Dispatcher::stop`] was called.
    pub fn is_stopping(&self) -> bool {
        self.board().stopping
    }

    /// How many executors run.
    pub fn running(&self) -> usize {
        self.board().running.len()
    }

    /// Forgets that the model is prepared, because its configuration has changed.
    pub fn forget_environments(&self) {
        let mut board = self.board();
        board.environments.retain(|_, state| matches!(state, Environment::Preparing));
        drop(board);
        self.shared.wake.notify_one();
    }

    pub(super) fn board(&self) -> MutexGuard<'_, Board> {
        self.shared.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs work that [`Dispatcher::stop`] waits for.
    pub(super) fn spawn<F>(&self, work: impl FnOnce(Self) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.shared.tasks.spawn(work(self.clone()));
    }
}
