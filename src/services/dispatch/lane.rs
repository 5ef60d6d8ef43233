use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use super::throttle::Throttle;
use crate::model::{Job, JobId, ModelName};

/// The queue of one model as far as it is known here, and what holds it back. The jobs themselves are in the store; of
/// those only the next few are in memory.
#[derive(Debug, Default)]
pub(super) struct Lane {
    /// PENDING jobs that come next.
    head: VecDeque<Job>,
    /// The last one that was read; jobs after it have not been.
    after: Option<JobId>,
    /// Whether the store may have more.
    unread: bool,
    /// Whether a job was accepted since the store was asked.
    news: bool,
    /// Counts how often the queue has to be read from its beginning.
    edition: u64,
    /// Jobs that hold a slot.
    slots: usize,
    /// Of those, the ones that are being started.
    starting: usize,
    /// When it had its last turn.
    served: u64,
    /// What refuses jobs of this model and no others.
    pub(super) throttle: Throttle,
}

/// A part of a lane's queue that is to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) model: ModelName,
    pub(super) after: Option<JobId>,
    edition: u64,
}

/// Which lane is next.
#[derive(Debug)]
pub(super) enum Turn {
    /// Nothing can start.
    Nobody,
    /// Its queue has to be read first.
    Read(Reading),
    /// This one is next. It stays at the head until [`Lanes::take`].
    Consider(Box<Job>),
}

/// The queues of all models. They take turns: the one with the fewest jobs under way comes first, among equals the one
/// whose last turn is longest ago.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    lanes: BTreeMap<ModelName, Lane>,
    turns: u64,
}

impl Lanes {
    pub(super) fn of(&mut self, model: &ModelName) -> &mut Lane {
        if !self.lanes.contains_key(model) {
            self.lanes.insert(model.clone(), Lane::default());
        }
        self.lanes.entry(model.clone()).or_default()
    }

    pub(super) fn get(&self, model: &ModelName) -> Option<&Lane> {
        self.lanes.get(model)
    }

    /// A job of this model was accepted, or may have been before.
    pub(super) fn accepted(&mut self, model: &ModelName) {
        let lane = self.of(model);
        (lane.unread, lane.news) = (true, true);
    }

    /// A job has its place in the queue again, which is before what was read.
    pub(super) fn returned(&mut self, model: &ModelName) {
        let lane = self.of(model);
        (lane.unread, lane.after) = (true, None);
        lane.edition += 1;
        lane.head.clear();
    }

    /// Whose turn it is; `may` says how many jobs of a model may be under way (0 for a model that has to wait), `held`
    /// which jobs are under way already.
    pub(super) fn next(
        &mut self,
        now: Instant,
        held: impl Fn(&JobId) -> bool,
        may: impl Fn(&ModelName) -> usize,
    ) -> Turn {
        loop {
            let candidates = self.lanes.iter_mut().filter(|(_, lane)| !lane.head.is_empty() || lane.unread);
            let open = candidates.filter(|(model, lane)| {
                lane.throttle.lets_pass(now, lane.starting) && lane.slots < may(model)
            });
            let Some((model, lane)) = open.min_by_key(|(_, lane)| (lane.slots, lane.served)) else {
                return Turn::Nobody;
            };
            while lane.head.front().is_some_and(|job| held(&job.id)) {
                lane.head.pop_front();
            }
            if let Some(job) = lane.head.front() {
                return Turn::Consider(Box::new(job.clone()));
            }
            if lane.unread {
                lane.news = false;
                let (after, edition) = (lane.after.clone(), lane.edition);
                return Turn::Read(Reading { model: model.clone(), after, edition });
            }
        }
    }

    /// Takes note of what was read; `whole` if there was no more.
    pub(super) fn read(&mut self, reading: &Reading, jobs: Vec<Job>, whole: bool) {
        let lane = self.of(&reading.model);
        if lane.edition != reading.edition {
            return;
        }
        lane.unread = !whole || lane.news;
        if let Some(last) = jobs.last() {
            lane.after = Some(last.id.clone());
        }
        lane.head.extend(jobs);
    }

    /// What was read ended at a job that is no more.
    pub(super) fn forget_place(&mut self, reading: &Reading) {
        self.returned(&reading.model);
    }

    /// The job at the head of its queue gets a slot.
    pub(super) fn take(&mut self, job: &Job) {
        self.turns += 1;
        let turns = self.turns;
        let lane = self.of(&job.model);
        if lane.head.front().is_some_and(|head| head.id == job.id) {
            lane.head.pop_front();
        }
        lane.served = turns;
        lane.slots += 1;
        lane.starting += 1;
    }

    /// A job of an earlier run holds a slot.
    pub(super) fn adopt(&mut self, model: &ModelName) {
        self.of(model).slots += 1;
    }

    /// A job is no longer being started.
    pub(super) fn started(&mut self, model: &ModelName) {
        let lane = self.of(model);
        lane.starting = lane.starting.saturating_sub(1);
    }

    /// A job gives its slot back.
    pub(super) fn freed(&mut self, model: &ModelName) {
        let lane = self.of(model);
        lane.slots = lane.slots.saturating_sub(1);
        // A model that nobody asks for any more takes no room.
        let idle = lane.slots == 0 && lane.head.is_empty() && !lane.unread;
        if idle && lane.throttle.reason().is_none() {
            self.lanes.remove(model);
        }
    }
}

impl Lane {
    /// Jobs that hold a slot.
    pub(super) fn slots(&self) -> usize {
        self.slots
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::Timestamp;

    use super::*;
    use crate::model::{JobStatus, TaskName};

    fn job(model: &str, id: &str) -> Job {
        Job {
            id: id.parse().unwrap(),
            model: model.parse().unwrap(),
            task: TaskName::Sim,
            status: JobStatus::Pending,
            reason: None,
            tag: None,
            attempt: 0,
            created_at: Timestamp::UNIX_EPOCH,
            started_at: None,
            finished_at: None,
        }
    }

    /// Starts what can start, reading `size` jobs at once from `queues`; in which order.
    fn drain(
        lanes: &mut Lanes,
        queues: &BTreeMap<ModelName, Vec<Job>>,
        size: usize,
        may: usize,
    ) -> Vec<String> {
        let mut order = Vec::new();
        loop {
            match lanes.next(Instant::now(), |_| false, |_| may) {
                Turn::Nobody => return order,
                Turn::Read(reading) => {
                    let queue = &queues[&reading.model];
                    let from = reading
                        .after
                        .as_ref()
                        .map_or(0, |id| 1 + queue.iter().position(|j| j.id == *id).unwrap());
                    let part: Vec<Job> = queue[from..].iter().take(size).cloned().collect();
                    let whole = part.len() < size;
                    lanes.read(&reading, part, whole);
                }
                Turn::Consider(job) => {
                    lanes.take(&job);
                    order.push(job.id.to_string());
                }
            }
        }
    }

    fn queues(sizes: &[(&str, usize)]) -> (Lanes, BTreeMap<ModelName, Vec<Job>>) {
        let mut lanes = Lanes::default();
        let mut queues = BTreeMap::new();
        for (name, size) in sizes {
            let model: ModelName = format!("Test/{name}").parse().unwrap();
            let jobs =
                (0..*size).map(|n| job(&model.to_string(), &format!("{}{n}", name.to_lowercase()))).collect();
            lanes.accepted(&model);
            queues.insert(model, jobs);
        }
        (lanes, queues)
    }

    #[test]
    fn models_take_turns_and_jobs_of_one_model_keep_their_order() {
        let (mut lanes, queues) = queues(&[("A", 5), ("B", 2), ("C", 1)]);
        let order = drain(&mut lanes, &queues, 2, 100);
        assert_eq!(order, ["a0", "b0", "c0", "a1", "b1", "a2", "a3", "a4"]);
    }

    #[test]
    fn the_model_with_the_fewest_jobs_under_way_comes_first() {
        let (mut lanes, queues) = queues(&[("A", 3), ("B", 3)]);
        for _ in 0..2 {
            lanes.adopt(&"Test/A".parse().unwrap());
        }
        assert_eq!(drain(&mut lanes, &queues, 64, 3), ["b0", "b1", "a0", "b2"], "and none has more than 3");
        lanes.freed(&"Test/A".parse().unwrap());
        assert_eq!(drain(&mut lanes, &queues, 64, 3), ["a1"]);
    }

    #[test]
    fn a_job_that_came_back_is_first_again() {
        let (mut lanes, queues) = queues(&[("A", 3)]);
        let a: ModelName = "Test/A".parse().unwrap();
        assert_eq!(drain(&mut lanes, &queues, 64, 1), ["a0"]);
        lanes.returned(&a);
        lanes.freed(&a);
        assert_eq!(drain(&mut lanes, &queues, 64, 1), ["a0"]);
    }

    #[test]
    fn what_is_read_while_a_job_comes_back_is_read_again() {
        let (mut lanes, queues) = queues(&[("A", 3)]);
        let a: ModelName = "Test/A".parse().unwrap();
        let Turn::Read(reading) = lanes.next(Instant::now(), |_| false, |_| 9) else { panic!() };
        lanes.returned(&a);
        lanes.read(&reading, queues[&a][1..].to_vec(), true);
        assert_eq!(drain(&mut lanes, &queues, 64, 9), ["a0", "a1", "a2"]);
        // What was accepted while the rest was read is not missed.
        lanes.accepted(&a);
        let Turn::Read(reading) = lanes.next(Instant::now(), |_| false, |_| 9) else { panic!() };
        lanes.accepted(&a);
        lanes.read(&reading, Vec::new(), true);
        assert!(matches!(lanes.next(Instant::now(), |_| false, |_| 9), Turn::Read(_)));
    }

    #[test]
    fn a_model_that_is_refused_lets_others_pass() {
        let (mut lanes, queues) = queues(&[("A", 2), ("B", 2)]);
        let a: ModelName = "Test/A".parse().unwrap();
        lanes.of(&a).throttle.refused(Instant::now(), None, "denied");
        assert_eq!(drain(&mut lanes, &queues, 64, 9), ["b0", "b1"]);
    }
}
