use std::collections::HashSet;

use super::Dispatcher;
use crate::job::{AttemptEnd, AttemptKey, AttemptState};
use crate::model::{JobStatus, TaskName};
use crate::services::ServiceError;
use crate::store::{JobStore, Page, RunningAttempt};

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
        match self.shared.runtime.state(&key).await? {
            AttemptState::Running => {
                tracing::info!("{key} still runs");
                self.supervise(key, attempt.token, attempt.lost);
                return Ok(());
            }
            AttemptState::Ended(AttemptEnd { machine_lost: false, .. }) => {
                let end = AttemptEnd::default();
                self.conclude(&key, &attempt.token, attempt.lost, &end).await;
            }
            // Never started, or gone with the machine: no fault of the job, unless it left a result.
            AttemptState::Ended(_) | AttemptState::Absent => match self.shared.runtime.spooled(&key).await? {
                Some(result) => self.take(&key, &attempt.token, result).await,
                None if self.shared.results.note_delivered(&attempt.token, &key.id).await? => {}
                None => {
                    let reason = "the stack went down";
                    self.shared.store.requeue(&key.id, key.attempt, false, reason).await?;
                    self.shared.runtime.put_away(&key).await?;
                }
            },
        }
        self.free(&key.id);
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
