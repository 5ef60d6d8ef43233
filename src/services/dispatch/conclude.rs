use super::Dispatcher;
use crate::job::{AttemptEnd, AttemptKey, Blame};
use crate::model::{Job, Outcome, TaskResult};
use crate::services::ServiceError;
use crate::store::{AttemptToken, JobStore};

/// How much of a log goes into the traceback of a job whose executor left nothing else.
const TAIL: u64 = 4096;
/// So often a job is tried that its machines fail again and again.
const MOST_ATTEMPTS: u32 = 20;

impl Dispatcher {
    /// Watches an attempt to its end and concludes it. Its job holds a slot until then.
    pub(super) fn supervise(&self, key: AttemptKey, token: AttemptToken, lost: u32) {
        let stopping = {
            let mut board = self.board();
            board.running.insert(key.clone());
            board.stopping
        };
        if stopping {
            // It was being started when the others were told to end.
            self.shared.store.hold(&key.id);
            let key = key.clone();
            self.spawn(move |d| async move { d.end(&key).await });
        }
        self.spawn(move |d| async move {
            // Cancelled while it was being started: whoever did so found nothing to end yet.
            if let Ok(false) = d.shared.store.check_token(&key.id, &token).await {
                d.end(&key).await;
            }
            if let Some(end) = d.settle(&key, || async { Ok(d.shared.runtime.wait(&key).await?) }).await {
                d.settle(&key, || async { d.conclude(&key, &token, lost, &end).await }).await;
            }
            d.board().running.remove(&key);
            d.free(&key.id);
        });
    }

    /// The executor has ended: takes the result it left, unless it delivered it itself; else tries again or fails.
    pub(super) async fn conclude(
        &self,
        key: &AttemptKey,
        token: &AttemptToken,
        lost: u32,
        end: &AttemptEnd,
    ) -> Result<(), ServiceError> {
        let store = &self.shared.store;
        let held = self.board().stopping && !matches!(store.check_token(&key.id, token).await, Ok(true));
        store.release(&key.id);
        if !store.check_token(&key.id, token).await? {
            self.put_away(key).await;
            return Ok(());
        }
        match self.shared.runtime.spooled(key).await {
            // A failure while the stack is being stopped is what stopping looks like from inside.
            Ok(Some(result)) if !(held && result.status == Outcome::Fail) => {
                self.take(key, token, &result).await
            }
            Ok(_) if held => {
                store.requeue(&key.id, key.attempt, false, "the stack was stopped").await?;
                self.put_away(key).await;
                Ok(())
            }
            Ok(_) => self.without_result(key, token, lost, end).await,
            Err(e) => {
                tracing::error!("cannot read what {key} has left: {e}");
                self.without_result(key, token, lost, end).await
            }
        }
    }

    /// Accepts a result, with its outputs, in the executor's place. One that can't be stored makes the job fail.
    pub(super) async fn take(
        &self,
        key: &AttemptKey,
        token: &AttemptToken,
        result: &TaskResult,
    ) -> Result<(), ServiceError> {
        if let Some(job) = self.shared.store.get(&key.id).await? {
            let taken = self.shared.results.take(token, job.task, result.clone()).await;
            match taken {
                Err(e) if e.blames_result() && result.status == Outcome::Success => {
                    let failed =
                        TaskResult::failure(key.id.clone(), format!("The result can't be stored: {e}"));
                    self.shared.results.take(token, job.task, failed).await?;
                }
                taken => drop(taken?),
            }
        }
        self.put_away(key).await;
        Ok(())
    }

    /// The executor left no result here: it may have delivered it elsewhere.
    async fn without_result(
        &self,
        key: &AttemptKey,
        token: &AttemptToken,
        lost: u32,
        end: &AttemptEnd,
    ) -> Result<(), ServiceError> {
        if self.shared.results.note_delivered(token, &key.id).await? {
            self.put_away(key).await;
            return Ok(());
        }
        match end.blame() {
            Blame::Machine if key.attempt < MOST_ATTEMPTS => self.again(key, false, &end.to_string()).await,
            Blame::Machine | Blame::Unknown => self.lost(key, token, lost, &end.to_string()).await,
            Blame::Job => {
                self.failed(key, token, &format!("the simulation ended without a result: {end}")).await
            }
        }
    }

    /// The attempt ended without a result: back to the queue, or the end of the job if it happened too often.
    pub(super) async fn lost(
        &self,
        key: &AttemptKey,
        token: &AttemptToken,
        before: u32,
        why: &str,
    ) -> Result<(), ServiceError> {
        match before + 1 {
            attempts if attempts < self.shared.limits.max_lost => self.again(key, true, why).await,
            1 => self.failed(key, token, &format!("the simulation ended without a result: {why}")).await,
            attempts => {
                let why = format!("{attempts} attempts ended without a result; of the last one, {why}");
                self.failed(key, token, &why).await
            }
        }
    }

    /// Back to the queue.
    async fn again(&self, key: &AttemptKey, lost: bool, why: &str) -> Result<(), ServiceError> {
        tracing::warn!("{key} is tried again: {why}");
        self.shared.store.requeue(&key.id, key.attempt, lost, &format!("tried again: {why}")).await?;
        self.put_away(key).await;
        self.board().returned(&key.id);
        Ok(())
    }

    /// Ends a job as FAIL with the end of its log, where there is one. What happened comes last, where a traceback says it.
    async fn failed(&self, key: &AttemptKey, token: &AttemptToken, why: &str) -> Result<(), ServiceError> {
        let tail = self.shared.runtime.log_tail(key, TAIL).await.unwrap_or_else(|e| {
            tracing::info!("cannot read the log of {key}: {e}");
            String::new()
        });
        let log = if tail.is_empty() { String::new() } else { format!("End of its log:\n{tail}\n\n") };
        self.fail(key, token, &format!("{log}{why}")).await
    }

    /// Ends a job that has been started as FAIL.
    pub(super) async fn fail(
        &self,
        key: &AttemptKey,
        token: &AttemptToken,
        reason: &str,
    ) -> Result<(), ServiceError> {
        self.take(key, token, &TaskResult::failure(key.id.clone(), reason)).await
    }

    /// Ends a job that waits as FAIL.
    pub(super) async fn fail_pending(&self, job: &Job, reason: &str) {
        let key = AttemptKey { id: job.id.clone(), attempt: job.attempt };
        let started = self.settle(&key, || async { Ok(self.shared.store.start(&job.id).await?) }).await;
        if let Some(Some(started)) = started {
            let key = AttemptKey { id: job.id.clone(), attempt: started.job.attempt };
            let prepared = self.shared.host.preparation_log(&job.model);
            let sentence = reason.lines().last().unwrap_or_default();
            self.note(&key, &format!("{prepared}{sentence}\n")).await;
            self.settle(&key, || async { self.fail(&key, &started.token, reason).await }).await;
        }
    }

    /// Asks an executor to end, and ends it.
    pub(super) async fn end(&self, key: &AttemptKey) {
        if let Err(e) = self.shared.runtime.stop(key, self.shared.limits.grace).await {
            tracing::warn!("cannot stop {key}: {e}");
        }
    }

    pub(super) async fn put_away(&self, key: &AttemptKey) {
        if let Err(e) = self.shared.runtime.put_away(key).await {
            tracing::warn!("cannot tidy up after {key}: {e}");
        }
    }
}
