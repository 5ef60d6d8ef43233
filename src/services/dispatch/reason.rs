use super::Dispatcher;
use super::board::Environment;
use crate::job::AttemptKey;
use crate::model::{Job, JobStatus};

impl Dispatcher {
    /// Why a job that has not ended waits, if it does: for its model, for other jobs, for room in the cluster.
    pub fn reason(&self, job: &Job) -> Option<String> {
        let waits = match job.status {
            JobStatus::Pending => self.waits(job),
            JobStatus::Running => {
                let key = AttemptKey { id: job.id.clone(), attempt: job.attempt };
                self.shared.runtime.waits(&key)
            }
            JobStatus::Success | JobStatus::Fail | JobStatus::Cancelled => None,
        };
        match (waits, &job.reason) {
            (Some(waits), Some(before)) if *before != waits => Some(format!("{waits}; {before}")),
            (waits, before) => waits.or_else(|| before.clone()),
        }
    }

    fn waits(&self, job: &Job) -> Option<String> {
        let limit = self.shared.limits.of(self.shared.models.get(&job.model).as_deref());
        let board = self.board();
        if matches!(board.environments.get(&job.model), Some(Environment::Preparing)) {
            return Some("preparing the environment".to_owned());
        }
        let lane = board.lanes.get(&job.model);
        if let Some(reason) = board.throttle.reason().or_else(|| lane.and_then(|l| l.throttle.reason())) {
            return Some(reason.to_owned());
        }
        let own = lane.map_or(0, |lane| lane.slots());
        if own >= limit {
            return Some(format!("waiting for one of {own} running jobs of {}", job.model));
        }
        let all = board.slots();
        (all >= self.shared.limits.max_jobs).then(|| format!("waiting for one of {all} running jobs"))
    }
}
