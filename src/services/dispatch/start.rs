use std::time::{Duration, Instant};

use super::Dispatcher;
use crate::job::{AttemptKey, Obstacle};
use crate::model::{Job, JobId, Model, TaskName};
use crate::store::{JobStore, StartedAttempt};

impl Dispatcher {
    pub(super) async fn start(&self, job: &Job, model: &Model) {
        match self.shared.store.start(&job.id).await {
            Ok(Some(started)) => self.launch(&started, model).await,
            // Cancelled meanwhile.
            Ok(None) => self.free(&job.id),
            Err(e) => {
                tracing::error!("cannot start job {}: {e}", job.id);
                self.board().returned(&job.id);
                self.pause(None, None, &e.to_string());
                self.free(&job.id);
            }
        }
    }

    async fn launch(&self, started: &StartedAttempt, model: &Model) {
        let key = AttemptKey { id: started.job.id.clone(), attempt: started.job.attempt };
        if started.job.task == TaskName::Parse {
            self.started(&key.id);
            self.answer(started, model).await;
            return self.free(&key.id);
        }
        let spec = match self.shared.host.spec(model, started).await {
            Ok(spec) => spec,
            Err(reason) => {
                self.note(&key, &format!("{reason}\n")).await;
                self.settle(&key, || async { self.fail(&key, &started.token, &reason).await }).await;
                return self.free(&key.id);
            }
        };
        let prepared = self.shared.host.preparation_log(&model.name);
        if !prepared.is_empty() {
            self.note(&key, &prepared).await;
        }
        let permit = self.shared.making.acquire().await;
        // Refused to others meanwhile: nobody needs to be asked again for this one.
        let refused = self.board().throttle.pauses(Instant::now()).map(str::to_owned);
        if let Some(reason) = refused {
            self.defer(&key, &reason).await;
            return self.free(&key.id);
        }
        let made = self.shared.runtime.create(&spec).await;
        drop(permit);
        match made {
            Ok(()) => {
                {
                    let mut board = self.board();
                    board.throttle.passed();
                    board.lanes.of(&model.name).throttle.passed();
                }
                self.started(&key.id);
                self.supervise(key, started.token.clone(), started.lost);
            }
            Err(e) => {
                match e.obstacle() {
                    Some(Obstacle::ForAll { retry_after }) => {
                        self.pause(None, retry_after, &e.to_string());
                        self.defer(&key, &e.to_string()).await;
                    }
                    Some(Obstacle::ForThis) => {
                        self.pause(Some(model), None, &e.to_string());
                        self.defer(&key, &e.to_string()).await;
                    }
                    None => {
                        let why = e.to_string();
                        self.settle(&key, || async {
                            self.lost(&key, &started.token, started.lost, &why).await
                        })
                        .await;
                    }
                }
                self.free(&key.id);
            }
        }
    }

    /// Adds to the log of an attempt. One that can't be written is not worth failing a job for.
    pub(super) async fn note(&self, key: &AttemptKey, text: &str) {
        if let Err(e) = self.shared.runtime.note(key, text).await {
            tracing::warn!("cannot write the log of {key}: {e}");
        }
    }

    /// Puts a job back that nothing is wrong with: whatever refused it may take it later.
    async fn defer(&self, key: &AttemptKey, reason: &str) {
        tracing::warn!("{key} has to wait: {reason}");
        let deferred = self
            .settle(key, || async { Ok(self.shared.store.defer(&key.id, key.attempt, reason).await?) })
            .await;
        if deferred.is_some() {
            self.board().returned(&key.id);
        }
    }

    /// Starts no jobs (of a model) for a while.
    fn pause(&self, model: Option<&Model>, asked: Option<Duration>, reason: &str) {
        let pause = {
            let mut board = self.board();
            let throttle = match model {
                Some(model) => &mut board.lanes.of(&model.name).throttle,
                None => &mut board.throttle,
            };
            throttle.refused(Instant::now(), asked, reason)
        };
        if let Some(pause) = pause {
            let this = self.clone();
            tokio::spawn(async move {
                tokio::time::sleep(pause).await;
                this.shared.wake.notify_one();
            });
        }
    }

    /// Runs a `parse` at once, beside the slots.
    pub(super) fn start_short(&self, job: &Job) {
        let Some(model) = self.shared.models.get(&job.model) else {
            // The queue's own way of failing it says why.
            return self.queued(job);
        };
        {
            let mut board = self.board();
            if board.stopping || !board.short.insert(job.id.clone()) {
                return;
            }
        }
        let (this, job) = (self.clone(), job.clone());
        tokio::spawn(async move {
            let key = AttemptKey { id: job.id.clone(), attempt: job.attempt };
            let started = this.settle(&key, || async { Ok(this.shared.store.start(&job.id).await?) }).await;
            if let Some(Some(started)) = started {
                this.answer(&started, &model).await;
            }
            this.board().short.remove(&job.id);
        });
    }

    async fn answer(&self, started: &StartedAttempt, model: &Model) {
        let job = &started.job;
        let key = AttemptKey { id: job.id.clone(), attempt: job.attempt };
        let answered = match started.kwargs.clone() {
            Ok(kwargs) => self.shared.host.answer(model, &job.id, job.task, kwargs).await,
            Err(reason) => Err(reason),
        };
        match answered {
            Ok(result) => {
                self.settle(&key, || async { self.take(&key, &started.token, &result).await }).await
            }
            Err(reason) => {
                self.settle(&key, || async { self.fail(&key, &started.token, &reason).await }).await
            }
        };
    }

    /// The next may be started.
    fn started(&self, id: &JobId) {
        self.board().started(id);
        self.shared.wake.notify_one();
    }

    /// Gives a job's slot to the next.
    pub(super) fn free(&self, id: &JobId) {
        self.board().free(id);
        self.shared.wake.notify_one();
    }
}
