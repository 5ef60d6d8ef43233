use std::time::Duration;

use crate::model::Model;

/// How much the dispatcher does at once and how patient it is.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Jobs that run at the same time; 0 accepts jobs and starts none.
    pub max_jobs: usize,
    /// Of those, jobs of one model that has no limit of its own; 0 means as many as there is room for.
    pub per_model: usize,
    /// Executors that are being made at the same time. A few more jobs are noted as started ahead of that, so that the
    /// store's work and the runtime's go on together; the others wait in the queue.
    pub max_starting: usize,
    /// What a job gets between being asked to end and being ended.
    pub grace: Duration,
    /// Attempts that may be lost (end without a result) before the job fails.
    pub max_lost: u32,
}

impl Default for Limits {
    fn default() -> Self {
        let max_starting = crate::kube::DEFAULT_CONCURRENCY;
        Self { max_jobs: 1, per_model: 0, max_starting, grace: Duration::from_secs(10), max_lost: 3 }
    }
}

/// For each executor that is being made, so many jobs may be about to be started.
const AHEAD: usize = 4;

impl Limits {
    /// Jobs that may be about to be started at the same time.
    pub(super) fn ahead(&self) -> usize {
        self.max_starting.max(1).saturating_mul(AHEAD)
    }

    /// How many jobs of a model may run at the same time. One that isn't configured any more only needs to be failed.
    pub(super) fn of(&self, model: Option<&Model>) -> usize {
        let own = model.and_then(|m| m.max_jobs).and_then(|n| usize::try_from(n).ok());
        match own.unwrap_or(self.per_model) {
            0 => usize::MAX,
            limit => limit,
        }
    }
}
