use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::lane::Lanes;
use super::throttle::Throttle;
use crate::job::AttemptKey;
use crate::model::{JobId, ModelName};

/// How long a prepared model is taken to be up to date: long enough that a queue of short jobs doesn't look again for
/// each, short enough that a change to a model's folder counts for whoever made it.
const FRESH: Duration = Duration::from_secs(2);

/// What the dispatcher remembers; everything else is in the store.
#[derive(Debug, Default)]
pub(super) struct Board {
    /// Jobs that hold a slot: being started, or running.
    slots: HashMap<JobId, ModelName>,
    /// Of those, the ones that are being started.
    starting: HashSet<JobId>,
    /// Of those, the ones that are in the queue again.
    returned: HashSet<JobId>,
    /// Attempts whose executor runs.
    pub(super) running: HashSet<AttemptKey>,
    /// Short tasks that run without a slot.
    pub(super) short: HashSet<JobId>,
    pub(super) environments: HashMap<ModelName, Environment>,
    pub(super) lanes: Lanes,
    /// What refuses jobs of all models.
    pub(super) throttle: Throttle,
    /// Whether it is known which models have jobs that wait.
    pub(super) surveyed: bool,
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

    /// How many jobs hold a slot.
    pub(super) fn slots(&self) -> usize {
        self.slots.len()
    }

    /// How many of them are being started.
    pub(super) fn starting(&self) -> usize {
        self.starting.len()
    }

    /// Whether a job is being worked on, whatever the store says at the moment.
    pub(super) fn holds(&self, id: &JobId) -> bool {
        self.slots.contains_key(id) || self.short.contains(id)
    }

    /// The job at the head of its queue gets a slot.
    pub(super) fn take(&mut self, job: &crate::model::Job) {
        self.slots.insert(job.id.clone(), job.model.clone());
        self.starting.insert(job.id.clone());
        self.lanes.take(job);
    }

    /// A job that runs already gets a slot.
    pub(super) fn adopt(&mut self, job: &crate::model::Job) {
        self.slots.insert(job.id.clone(), job.model.clone());
        self.lanes.adopt(&job.model);
    }

    /// A job is no longer being started: it runs, or is past that.
    pub(super) fn started(&mut self, id: &JobId) {
        if self.starting.remove(id)
            && let Some(model) = self.slots.get(id)
        {
            self.lanes.started(model);
        }
    }

    /// A job that holds a slot is in the queue again.
    pub(super) fn returned(&mut self, id: &JobId) {
        self.returned.insert(id.clone());
    }

    /// A job gives its slot back.
    pub(super) fn free(&mut self, id: &JobId) {
        self.started(id);
        let returned = self.returned.remove(id);
        let Some(model) = self.slots.remove(id) else { return };
        if returned {
            self.lanes.returned(&model);
        }
        self.lanes.freed(&model);
    }
}
