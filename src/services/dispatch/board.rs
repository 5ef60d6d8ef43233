use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::job::AttemptKey;
use crate::model::{JobId, ModelName};

/// How long a prepared model is taken to be up to date: long enough that a queue of short jobs doesn't look again for
/// each, short enough that a change to a model's folder counts for whoever made it.
const FRESH: Duration = Duration::from_secs(2);

/// What the dispatcher remembers; everything else is in the store.
#[derive(Debug, Default)]
pub(super) struct Board {
    /// Jobs that hold a slot: being started, or running.
    pub(super) slots: HashSet<JobId>,
    /// Attempts whose executor runs.
    pub(super) running: HashSet<AttemptKey>,
    /// Short tasks that run without a slot.
    pub(super) short: HashSet<JobId>,
    pub(super) environments: HashMap<ModelName, Environment>,
    /// PENDING jobs up to this one wait for an environment.
    pub(super) looked_at: Option<JobId>,
    /// Counts the reasons to look at the queue from its head again.
    pub(super) look: u64,
    pub(super) stopping: bool,
}

/// Where the preparation of a model stands.
#[derive(Debug, Clone)]
pub(super) enum Environment {
    Preparing,
    Ready {
        at: Instant,
    },
    /// Fails what was accepted until then; a later job is a reason to try again.
    Failed {
        at: Timestamp,
        reason: String,
    },
}

/// What a job's model lets the dispatcher do with it now.
pub(super) enum Verdict {
    Start,
    Prepare,
    Wait,
    Fail(String),
}

impl Board {
    pub(super) fn verdict(&self, model: &ModelName, accepted: Timestamp) -> Verdict {
        match self.environments.get(model) {
            Some(Environment::Ready { at }) if at.elapsed() < FRESH => Verdict::Start,
            Some(Environment::Preparing) => Verdict::Wait,
            Some(Environment::Failed { at, reason }) if accepted <= *at => Verdict::Fail(reason.clone()),
            Some(Environment::Ready { .. } | Environment::Failed { .. }) | None => Verdict::Prepare,
        }
    }
}
