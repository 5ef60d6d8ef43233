use std::collections::HashSet;

use super::Dispatcher;
use crate::job::{AttemptKey, AttemptState};
use crate::model::{JobStatus, TaskName};
use crate::services::ServiceError;
use crate::store::{AttemptToken, JobStore, Page, RunningAttempt};

impl Dispatcher {
    /// Brings store and runtime together after a crash or a stop: executors that live are adopted, results that were
    /// left are taken, attempts that are gone go back to the queue, leftovers are put away.
    ///
    /// # Errors
    /// When the store or the runtime can't be asked.
    pub async fn reconcile(&self) -> Result<(), ServiceError> {
        let running = self.shared.store.running().await?;
        let known: HashSet<AttemptKey> = running.iter().map(key_of).collect();
        for attempt in running {
            self.take_over(attempt).await?;
        }
        for key in self.shared.runtime.list().await? {
            // Its job has ended, runs another attempt, or was removed.
            if !known.contains(&key) {
                // Stopping takes its time, and nobody has to wait for it.
                self.spawn(move |d| async move {
                    d.end(&key).await;
                    d.put_away(&key).await;
                });
            }
        }
        self.start_waiting_parses().await
    }

    async fn take_over(&self, attempt: RunningAttempt) -> Result<(), ServiceError> {
        let key = key_of(&attempt);
        self.board().adopt(&attempt.job);
        let RunningAttempt { token, lost, .. } = attempt;
        match self.shared.runtime.state(&key).await? {
            AttemptState::Running => {
                tracing::info!("{key} still runs");
                self.supervise(key, token, lost);
            }
            // Apart: where results are somewhere else, that may be away.
            AttemptState::Ended(end) => self.spawn(move |d| async move {
                d.settle(&key, || async { d.conclude(&key, &token, lost, &end).await }).await;
                d.free(&key.id);
            }),
            AttemptState::Absent => self.spawn(move |d| async move {
                d.settle(&key, || async { d.absent(&key, &token).await }).await;
                d.free(&key.id);
            }),
        }
        Ok(())
    }

    /// Never started, or gone with its machine: no fault of the job, unless there is a result.
    async fn absent(&self, key: &AttemptKey, token: &AttemptToken) -> Result<(), ServiceError> {
        if let Some(result) = self.shared.runtime.spooled(key).await? {
            return self.take(key, token, &result).await;
        }
        if self.shared.results.note_delivered(token, &key.id).await? {
            return Ok(());
        }
        self.put_away(key).await;
        self.shared.store.defer(&key.id, key.attempt, "the stack went down").await?;
        self.board().returned(&key.id);
        Ok(())
    }

    async fn start_waiting_parses(&self) -> Result<(), ServiceError> {
        let mut page = Page { status: vec![JobStatus::Pending], limit: Some(1000), ..Page::default() };
        loop {
            let jobs = self.shared.store.list(&page).await?;
            for job in jobs.iter().filter(|job| job.task == TaskName::Parse) {
                self.start_short(job);
            }
            match jobs.last() {
                Some(last) if jobs.len() == 1000 => page.after = Some(last.id.clone()),
                _ => return Ok(()),
            }
        }
    }
}

fn key_of(attempt: &RunningAttempt) -> AttemptKey {
    AttemptKey { id: attempt.job.id.clone(), attempt: attempt.job.attempt }
}
