use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use tokio::time::Instant;

use super::{ClusterJob, KubernetesJobs, Tracker};
use crate::job::RuntimeError;
use crate::model::{JobId, JobStatus};

impl KubernetesJobs {
    /// Waits until all these jobs have ended, at most until `deadline`, and returns them in their order as they stand
    /// then. One that is deleted meanwhile counts as cancelled. `progress` is told how many have ended and how one that
    /// hasn't stands.
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
        if known.values().any(|job| !job.job.status.is_final()) {
            let mut tracker = self.track(ids).await?;
            loop {
                update(&mut known, &tracker);
                let unfinished = known.values().find(|job| !job.job.status.is_final());
                progress(known.values().filter(|job| job.job.status.is_final()).count(), unfinished);
                if unfinished.is_none() {
                    break;
                }
                let late = async {
                    match deadline {
                        Some(deadline) => tokio::time::sleep_until(deadline).await,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    changed = tracker.changed() => changed?,
                    () = late => break,
                }
            }
            // What is told of pods may lag behind what is told of Jobs.
            for job in self.snapshot(&super::jobs::selector(ids)).await?.all() {
                if known.get(&job.job.id).is_some_and(|k| k.job.status == job.job.status) {
                    known.insert(job.job.id.clone(), job);
                }
            }
        }
        Ok(ids.iter().filter_map(|id| known.get(id).cloned()).collect())
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
    for (id, ClusterJob { job, .. }) in known.iter_mut() {
        if !there.contains(id) && !job.status.is_final() {
            job.status = JobStatus::Cancelled;
            job.reason = Some("was deleted".into());
            job.finished_at = Some(Timestamp::now());
        }
    }
}
