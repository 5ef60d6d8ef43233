use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use tokio::time::Instant;

use super::hindrance::STARTUP_PATIENCE;
use super::{ClusterJob, KubernetesJobs, Tracker};
use crate::job::RuntimeError;
use crate::model::{JobId, JobStatus};

impl KubernetesJobs {
    /// Waits until all these jobs have ended, at most until `deadline`, and returns them in their order as they stand
    /// then. One that is deleted meanwhile counts as cancelled. One that can't start, for what it is or for longer than
    /// that may take, is not waited for: it is returned with its [`hindrance`](ClusterJob::hindrance), which no other job
    /// is. `progress` is told how many have ended and how one that hasn't stands.
    ///
    /// # Errors
    /// [`RuntimeError::Unknown`] when one isn't there; when jobs or pods may not be watched.
    pub async fn wait(
        &self,
        ids: &[JobId],
        deadline: Option<Instant>,
        mut progress: impl FnMut(usize, Option<&ClusterJob>),
    ) -> Result<Vec<ClusterJob>, RuntimeError> {
        let mut known: BTreeMap<JobId, ClusterJob> = BTreeMap::new();
        for job in self.get(ids).await? {
            known.insert(job.job.id.clone(), job);
        }
        let mut hindered = Hindered::default();
        if known.values().any(|job| !job.job.status.is_final()) {
            let mut tracker = self.track(ids).await?;
            loop {
                update(&mut known, &tracker);
                let next = hindered.look(&known);
                let unfinished = known
                    .values()
                    .find(|job| !job.job.status.is_final() && !hindered.given_up.contains(&job.job.id));
                progress(known.values().filter(|job| job.job.status.is_final()).count(), unfinished);
                if unfinished.is_none() {
                    break;
                }
                tokio::select! {
                    changed = tracker.changed() => changed?,
                    () = until(deadline) => break,
                    () = until(next) => {}
                }
            }
            // What is told of pods may lag behind what is told of Jobs.
            for job in self.snapshot(&super::jobs::selector(ids)).await?.all() {
                if known.get(&job.job.id).is_some_and(|k| k.job.status == job.job.status) {
                    known.insert(job.job.id.clone(), job);
                }
            }
        }
        for job in known.values_mut().filter(|job| !hindered.given_up.contains(&job.job.id)) {
            job.hindrance = None;
        }
        Ok(ids.iter().filter_map(|id| known.get(id).cloned()).collect())
    }
}

async fn until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// Jobs that can't start.
#[derive(Debug, Default)]
struct Hindered {
    since: BTreeMap<JobId, Instant>,
    given_up: BTreeSet<JobId>,
}

impl Hindered {
    /// Gives those up that can't start any more; when to look again at the others.
    fn look(&mut self, known: &BTreeMap<JobId, ClusterJob>) -> Option<Instant> {
        let now = Instant::now();
        self.given_up.clear();
        let mut next: Option<Instant> = None;
        for (id, job) in known {
            let Some(hindrance) = &job.hindrance else {
                self.since.remove(id);
                continue;
            };
            let late = *self.since.entry(id.clone()).or_insert(now) + STARTUP_PATIENCE;
            if hindrance.for_good || late <= now {
                self.given_up.insert(id.clone());
            } else {
                next = Some(next.map_or(late, |next| next.min(late)));
            }
        }
        next
    }
}

fn update(known: &mut BTreeMap<JobId, ClusterJob>, tracker: &Tracker) {
    let mut there = BTreeSet::new();
    for job in tracker.all() {
        there.insert(job.job.id.clone());
        if let Some(known) = known.get_mut(&job.job.id) {
            *known = job;
        }
    }
    for (id, ClusterJob { job, hindrance, .. }) in known.iter_mut() {
        if !there.contains(id) && !job.status.is_final() {
            *hindrance = None;
            job.status = JobStatus::Cancelled;
            job.reason = Some("was deleted".into());
            job.finished_at = Some(Timestamp::now());
        }
    }
}
