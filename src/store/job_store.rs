use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::StoreError;
use crate::model::{Job, JobId, JobStatus, ModelName, TaskKwargs, TaskName, TaskResult};

/// What a caller asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Submission {
    /// The job's id; chosen by the caller or random.
    pub id: JobId,
    /// The model.
    pub model: ModelName,
    /// `parse` or `sim`.
    pub task: TaskName,
    /// The function's arguments.
    pub kwargs: TaskKwargs,
    /// Image tag or commit, if the caller wants a particular one.
    pub tag: Option<String>,
}

/// The answer to a submission.
#[derive(Debug, Clone, PartialEq)]
pub enum Submitted {
    /// It is new, and durable now.
    Created(Job),
    /// The same submission was accepted before; this is how that job stands.
    Existing(Job),
}

/// Proves that a result comes from a certain attempt of a job: a word that only that attempt's executor is told, and that
/// no store holds. Results of older attempts are refused.
#[derive(Clone, PartialEq, Eq)]
pub struct AttemptToken(pub String);

impl std::fmt::Debug for AttemptToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AttemptToken(******)")
    }
}

/// A job that was just moved from PENDING to RUNNING.
#[derive(Debug, Clone)]
pub struct StartedAttempt {
    /// The job, its `attempt` counted up.
    pub job: Job,
    /// Its arguments, or a sentence on why they can't be had any more: then the job can only fail.
    pub kwargs: Result<TaskKwargs, String>,
    /// What its executor proves itself with.
    pub token: AttemptToken,
    /// How many earlier attempts were lost (see [`JobStore::requeue`]).
    pub lost: u32,
}

/// A job that is RUNNING, as somebody needs to know who takes over from a scheduler that is gone.
#[derive(Debug, Clone)]
pub struct RunningAttempt {
    /// The job; `attempt` is the one that runs.
    pub job: Job,
    /// What its executor proves itself with.
    pub token: AttemptToken,
    /// How many earlier attempts were lost (see [`JobStore::requeue`]).
    pub lost: u32,
}

/// How many jobs there are in each state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Accepted, not started.
    pub pending: u64,
    /// An executor works on it.
    pub running: u64,
    /// Ended with a result.
    pub success: u64,
    /// Ended without a result.
    pub fail: u64,
    /// Ended because somebody asked for it.
    pub cancelled: u64,
}

impl Counts {
    /// Every state with its count.
    pub fn by_status(self) -> [(JobStatus, u64); 5] {
        let Self { pending, running, success, fail, cancelled } = self;
        [
            (JobStatus::Pending, pending),
            (JobStatus::Running, running),
            (JobStatus::Success, success),
            (JobStatus::Fail, fail),
            (JobStatus::Cancelled, cancelled),
        ]
    }

    /// The count of one state.
    pub fn of(&mut self, status: JobStatus) -> &mut u64 {
        match status {
            JobStatus::Pending => &mut self.pending,
            JobStatus::Running => &mut self.running,
            JobStatus::Success => &mut self.success,
            JobStatus::Fail => &mut self.fail,
            JobStatus::Cancelled => &mut self.cancelled,
        }
    }
}

/// What became of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// It is the job's result now, durably.
    Accepted,
    /// The job had this attempt's result already: nothing changed, the sender may stop.
    Duplicate,
    /// It comes from an older attempt, or the job was cancelled: nothing changed, the sender may stop.
    Fenced,
}

/// A part of a list in the order of acceptance.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// Only jobs in these states; empty means all.
    pub status: Vec<JobStatus>,
    /// Only jobs of these models; empty means all.
    pub models: Vec<ModelName>,
    /// Only jobs that come after this one in the list (for the next page).
    pub after: Option<JobId>,
    /// Only jobs that were accepted then or later.
    pub since: Option<Timestamp>,
    /// The job that was accepted last comes first.
    pub newest_first: bool,
    /// At most so many.
    pub limit: Option<usize>,
}

impl Page {
    /// The oldest PENDING jobs of one model, at most `limit`.
    pub fn queue_of(model: ModelName, limit: usize) -> Self {
        let (status, models) = (vec![JobStatus::Pending], vec![model]);
        Self { status, models, limit: Some(limit), ..Self::default() }
    }

    /// Whether it asks for a handful of PENDING jobs of one model.
    pub fn is_head_of_a_queue(&self) -> bool {
        self.status == [JobStatus::Pending] && self.models.len() == 1 && self.limit.is_some_and(|l| l <= 64)
    }
}

/// A result that the web app has not taken yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Push {
    /// Which of the web app's endpoints: `sim` goes to `/outputs/api/`, `parse` to `/inputs/api/`.
    pub task: TaskName,
    /// The body.
    pub result: TaskResult,
    /// How often it was tried.
    pub tries: u32,
}

/// How an attempt to push ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PushOutcome {
    /// The web app took it.
    Taken,
    /// It may be tried again.
    TryLater {
        /// Why, for a person.
        reason: String,
    },
    /// The web app will never take it: kept as a dead letter.
    Refused {
        /// Why, for a person.
        reason: String,
    },
}

/// Durable state of jobs. Every method that changes something returns after the change survives `kill -9` and
/// power loss; each is atomic.
#[async_trait]
pub trait JobStore: Send + Sync + 'static {
    /// Accepts a job as PENDING at the end of the queue.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the id is known with another model, task, tag or kwargs.
    async fn submit(&self, submission: Submission) -> Result<Submitted, StoreError>;

    /// The job of that id.
    async fn get(&self, id: &JobId) -> Result<Option<Job>, StoreError>;

    /// The arguments of a job.
    async fn kwargs(&self, id: &JobId) -> Result<Option<TaskKwargs>, StoreError>;

    /// Jobs in the order in which they were accepted, or the other way round. Of two jobs the one that was accepted later
    /// has the later `created_at`.
    ///
    /// # Errors
    /// [`StoreError::NoSuchJob`] when `page.after` is not there (any more).
    async fn list(&self, page: &Page) -> Result<Vec<Job>, StoreError>;

    /// The oldest PENDING jobs, in order, at most `limit`.
    async fn pending(&self, limit: usize) -> Result<Vec<Job>, StoreError>;

    /// Jobs that have ended, of those that were accepted last: the latest first, at most `limit`.
    async fn recent(&self, limit: usize) -> Result<Vec<Job>, StoreError> {
        let status = vec![JobStatus::Success, JobStatus::Fail, JobStatus::Cancelled];
        self.list(&Page { status, limit: Some(limit), newest_first: true, ..Page::default() }).await
    }

    /// The models that have PENDING jobs, in any order. Stores that keep a queue for each model need not look at every
    /// job for it, nor for the head of such a queue (see [`Page::is_head_of_a_queue`]).
    async fn waiting(&self) -> Result<Vec<ModelName>, StoreError> {
        let mut models = std::collections::BTreeSet::new();
        let mut page = Page { status: vec![JobStatus::Pending], limit: Some(1000), ..Page::default() };
        loop {
            let jobs = self.list(&page).await?;
            let last = jobs.last().map(|job| job.id.clone());
            let more = jobs.len() == 1000;
            models.extend(jobs.into_iter().map(|job| job.model));
            match last {
                Some(last) if more => page.after = Some(last),
                _ => return Ok(models.into_iter().collect()),
            }
        }
    }

    /// How many jobs there are in each state, without looking at every one.
    async fn counts(&self) -> Result<Counts, StoreError>;

    /// Every RUNNING job, in the order of acceptance.
    async fn running(&self) -> Result<Vec<RunningAttempt>, StoreError>;

    /// Moves a PENDING job to RUNNING with a new attempt and token. `None` if it is not PENDING any more.
    async fn start(&self, id: &JobId) -> Result<Option<StartedAttempt>, StoreError>;

    /// Puts a RUNNING job back to its place in the queue, because `attempt` ended without a result that counts, and
    /// fences that attempt. `lost` counts it among the attempts that were lost through what may be the job's own
    /// fault, as opposed to a stack that was shut down. Changes nothing and returns false when the job is not
    /// RUNNING or runs another attempt.
    async fn requeue(&self, id: &JobId, attempt: u32, lost: bool, reason: &str) -> Result<bool, StoreError>;

    /// Puts a RUNNING job back to its place in the queue, because `attempt` could not be made: it was none, and the next
    /// one has its number. Changes nothing and returns false when the job is not RUNNING or runs another attempt.
    async fn defer(&self, id: &JobId, attempt: u32, reason: &str) -> Result<bool, StoreError>;

    /// Says why a PENDING job waits; nothing changes if it is not PENDING.
    async fn set_reason(&self, id: &JobId, reason: Option<&str>) -> Result<(), StoreError>;

    /// Whether it can do its work at the moment: keep what it is given, and tell it again.
    ///
    /// # Errors
    /// Why it can't. It goes on by itself when that has passed.
    async fn check(&self) -> Result<(), StoreError>;

    /// Whether the token is the one of the job's current attempt.
    async fn check_token(&self, id: &JobId, token: &AttemptToken) -> Result<bool, StoreError>;

    /// Records the result, sets SUCCESS or FAIL, and, if `push`, queues it for the web app: one atomic step.
    async fn record(
        &self,
        token: &AttemptToken,
        result: TaskResult,
        push: bool,
    ) -> Result<Recorded, StoreError>;

    /// The recorded result.
    async fn result(&self, id: &JobId) -> Result<Option<TaskResult>, StoreError>;

    /// Sets CANCELLED unless the job is final already; returns the job as it stands then.
    async fn cancel(&self, id: &JobId, reason: &str) -> Result<Option<Job>, StoreError>;

    /// Those of these jobs whose outputs are nobody else's: their results were not for a web app. None where the store
    /// can't tell.
    async fn own_results(&self, _ids: &[JobId]) -> Result<Vec<JobId>, StoreError> {
        Ok(Vec::new())
    }

    /// Forgets final jobs: record, arguments, result. Jobs that are not final, and those whose result the web app
    /// has yet to take, are left alone. Returns the ids that went.
    async fn remove(&self, ids: &[JobId]) -> Result<Vec<JobId>, StoreError>;

    /// Results that wait for the web app, oldest first, at most `limit`; dead letters are not among them.
    async fn pushes(&self, limit: usize) -> Result<Vec<Push>, StoreError>;

    /// Notes how an attempt to push ended.
    async fn pushed(&self, id: &JobId, outcome: PushOutcome) -> Result<(), StoreError>;
}
