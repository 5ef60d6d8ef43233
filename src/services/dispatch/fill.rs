use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;

use super::Dispatcher;
use super::board::{Environment, Verdict};
use super::lane::{Reading, Turn};
use crate::model::{Job, Model};
use crate::store::{JobStore, Page, StoreError};

/// Jobs that are read from a queue at once.
const CHUNK: usize = 64;

/// What comes next.
enum Step {
    /// There is no slot left, or nothing can start.
    Rest,
    Read(Reading),
    Prepare(Arc<Model>),
    Start(Box<Job>, Arc<Model>),
    Fail(Box<Job>, String),
}

impl Dispatcher {
    /// Starts jobs until all slots are taken or nothing can start. Models take turns; the jobs of one model start in the
    /// order of their acceptance. A model that has to wait lets others pass. What one start costs doesn't grow with
    /// the queues.
    pub(super) async fn fill(&self) -> Result<(), StoreError> {
        if !self.board().surveyed {
            let waiting = self.shared.store.waiting().await?;
            let mut board = self.board();
            waiting.iter().for_each(|model| board.lanes.accepted(model));
            board.surveyed = true;
        }
        loop {
            match self.step() {
                Step::Rest => return Ok(()),
                Step::Read(reading) => self.read(&reading).await?,
                Step::Prepare(model) => self.prepare(model),
                Step::Start(job, model) => self.spawn(move |d| async move { d.start(&job, &model).await }),
                Step::Fail(job, reason) => self.spawn(move |d| async move {
                    d.fail_pending(&job, &reason).await;
                    d.free(&job.id);
                }),
            }
        }
    }

    fn step(&self) -> Step {
        let limits = &self.shared.limits;
        let models = self.shared.models.all();
        let now = Instant::now();
        let mut board = self.board();
        let full = board.slots() >= limits.max_jobs || board.starting() >= limits.ahead();
        if board.stopping || full || !board.throttle.lets_pass(now, board.starting()) {
            return Step::Rest;
        }
        // Apart, because the lanes change while the rest is looked at.
        let mut lanes = std::mem::take(&mut board.lanes);
        let turn = lanes.next(
            now,
            |id| board.holds(id),
            |name| match board.environments.get(name) {
                Some(Environment::Preparing) => 0,
                _ => limits.of(models.get(name).map(AsRef::as_ref)),
            },
        );
        board.lanes = lanes;
        let job = match turn {
            Turn::Nobody => return Step::Rest,
            Turn::Read(reading) => return Step::Read(reading),
            Turn::Consider(job) => job,
        };
        let Some(model) = models.get(&job.model) else {
            board.take(&job);
            let reason = format!("model {} is not configured (any more)", job.model);
            return Step::Fail(job, reason);
        };
        match board.verdict(&job.model, job.created_at) {
            Verdict::Start => {
                board.take(&job);
                Step::Start(job, Arc::clone(model))
            }
            Verdict::Fail(reason) => {
                board.take(&job);
                Step::Fail(job, reason)
            }
            // A model that is being prepared has no turn.
            Verdict::Prepare | Verdict::Wait => {
                board.environments.insert(job.model.clone(), Environment::Preparing);
                Step::Prepare(Arc::clone(model))
            }
        }
    }

    async fn read(&self, reading: &Reading) -> Result<(), StoreError> {
        let page = Page { after: reading.after.clone(), ..Page::queue_of(reading.model.clone(), CHUNK) };
        match self.shared.store.list(&page).await {
            Ok(jobs) => {
                let whole = jobs.len() < CHUNK;
                self.board().lanes.read(reading, jobs, whole);
                Ok(())
            }
            // Cleaned up meanwhile.
            Err(StoreError::NoSuchJob { .. }) => {
                self.board().lanes.forget_place(reading);
                Ok(())
            }
            Err(e) => Err(e),
        }
    }

    fn prepare(&self, model: Arc<Model>) {
        // Not among the tasks that a stop waits for: this may take minutes, and can be done again.
        let this = self.clone();
        tokio::spawn(async move {
            let state = match this.shared.host.prepare(&model).await {
                Ok(()) => Environment::Ready { at: Instant::now() },
                Err(reason) => Environment::Failed { at: Timestamp::now(), reason },
            };
            this.board().environments.insert(model.name.clone(), state);
            this.shared.wake.notify_one();
        });
    }
}
