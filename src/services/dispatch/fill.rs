use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;

use super::Dispatcher;
use super::board::{Environment, Verdict};
use crate::job::AttemptKey;
use crate::model::{Job, JobId, JobStatus, Model, TaskName};
use crate::store::{JobStore, Page, StartedAttempt, StoreError};

/// Jobs that are read from the queue at once.
const CHUNK: usize = 64;

/// What to do after a job was considered.
enum Considered {
    /// Go on with the next.
    Next,
    /// There is no slot left.
    Full,
    /// Begin at the head of the queue: something is different there.
    Outdated,
}

impl Dispatcher {
    /// Starts jobs from the head of the queue until all slots are taken or nothing can start. A job whose model is not
    /// ready lets those of other models pass.
    pub(super) async fn fill(&self) -> Result<(), StoreError> {
        loop {
            let (after, look) = {
                let board = self.board();
                if board.stopping || board.slots.len() >= self.shared.limits.max_jobs {
                    return Ok(());
                }
                (board.looked_at.clone(), board.look)
            };
            let page =
                Page { status: vec![JobStatus::Pending], after, limit: Some(CHUNK), ..Page::default() };
            let jobs = match self.shared.store.list(&page).await {
                Ok(jobs) => jobs,
                // Cleaned up meanwhile.
                Err(StoreError::NoSuchJob { .. }) => {
                    self.board().looked_at = None;
                    continue;
                }
                Err(e) => return Err(e),
            };
            let whole = jobs.len() < CHUNK;
            let mut begin_anew = false;
            for job in jobs {
                match self.consider(job, look) {
                    Considered::Next => {}
                    Considered::Full => return Ok(()),
                    Considered::Outdated => {
                        begin_anew = true;
                        break;
                    }
                }
            }
            if whole && !begin_anew && self.board().look == look {
                return Ok(());
            }
        }
    }

    /// Decides about one PENDING job, found at this look at the queue.
    fn consider(&self, job: Job, look: u64) -> Considered {
        let model = self.shared.models.get(&job.model);
        let mut board = self.board();
        if board.stopping || board.slots.len() >= self.shared.limits.max_jobs {
            return Considered::Full;
        }
        // An earlier job that had to wait might start now, and comes first.
        if board.look != look {
            return Considered::Outdated;
        }
        board.looked_at = Some(job.id.clone());
        if board.slots.contains(&job.id) || board.short.contains(&job.id) {
            return Considered::Next;
        }
        let verdict = match &model {
            Some(_) => board.verdict(&job.model, job.created_at),
            None => Verdict::Fail(format!("model {} is not configured (any more)", job.model)),
        };
        match (verdict, model) {
            (Verdict::Start, Some(model)) => {
                board.slots.insert(job.id.clone());
                drop(board);
                self.spawn(move |d| async move { d.start(job, &model).await });
            }
            (Verdict::Prepare, Some(model)) => {
                board.environments.insert(job.model.clone(), Environment::Preparing);
                drop(board);
                self.prepare(model);
            }
            (Verdict::Fail(reason), _) => {
                board.slots.insert(job.id.clone());
                drop(board);
                self.spawn(move |d| async move {
                    d.fail_pending(&job.id, &reason).await;
                    d.free(&job.id);
                });
            }
            (Verdict::Wait | Verdict::Start | Verdict::Prepare, _) => {}
        }
        Considered::Next
    }

    fn prepare(&self, model: Arc<Model>) {
        // Not among the tasks that a stop waits for: this may take minutes, and can be done again.
        let this = self.clone();
        tokio::spawn(async move {
            let state = match this.shared.host.prepare(&model).await {
                Ok(()) => Environment::Ready { at: Instant::now() },
                Err(reason) => Environment::Failed { at: Timestamp::now(), reason },
            };
            this.look_again(Some((model.name.clone(), state)));
        });
    }

    async fn start(&self, job: Job, model: &Model) {
        match self.shared.store.start(&job.id).await {
            Ok(Some(started)) => self.launch(&started, model).await,
            // Cancelled meanwhile.
            Ok(None) => self.free(&job.id),
            Err(e) => {
                tracing::error!("cannot start job {}: {e}", job.id);
                self.free(&job.id);
            }
        }
    }

    async fn launch(&self, started: &StartedAttempt, model: &Model) {
        let key = AttemptKey { id: started.job.id.clone(), attempt: started.job.attempt };
        if started.job.task == TaskName::Parse {
            self.answer(started, model).await;
            return self.free(&key.id);
        }
        let spec = match self.shared.host.spec(model, started).await {
            Ok(spec) => spec,
            Err(reason) => {
                self.fail(&key, &started.token, &reason).await;
                return self.free(&key.id);
            }
        };
        match self.shared.runtime.create(&spec).await {
            Ok(()) => self.supervise(key, started.token.clone(), started.lost),
            Err(e) => {
                self.lost(&key, &started.token, started.lost, &e.to_string()).await;
                self.free(&key.id);
            }
        }
    }

    /// Runs a `parse` at once, beside the slots.
    pub(super) fn start_short(&self, job: &Job) {
        let Some(model) = self.shared.models.get(&job.model) else {
            // The queue's own way of failing it says why.
            return self.shared.wake.notify_one();
        };
        {
            let mut board = self.board();
            if board.stopping || !board.short.insert(job.id.clone()) {
                return;
            }
        }
        let (this, id) = (self.clone(), job.id.clone());
        tokio::spawn(async move {
            match this.shared.store.start(&id).await {
                Ok(Some(started)) => this.answer(&started, &model).await,
                Ok(None) => {}
                Err(e) => tracing::error!("cannot start {id}: {e}"),
            }
            this.board().short.remove(&id);
        });
    }

    async fn answer(&self, started: &StartedAttempt, model: &Model) {
        let job = &started.job;
        let key = AttemptKey { id: job.id.clone(), attempt: job.attempt };
        match self.shared.host.answer(model, &job.id, job.task, started.kwargs.clone()).await {
            Ok(result) => self.take(&key, &started.token, result).await,
            Err(reason) => self.fail(&key, &started.token, &reason).await,
        }
    }

    /// Gives a job's slot to the next.
    pub(super) fn free(&self, id: &JobId) {
        self.board().slots.remove(id);
        self.shared.wake.notify_one();
    }
}
