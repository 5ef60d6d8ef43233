use std::collections::BTreeMap;
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use serde_json::Value;

use super::describe::has_ended;
use super::jobs::{resource, selector};
use super::snapshot::{Kind, Snapshot, owner};
use super::{ClusterJob, KubernetesJobs, Tracker};
use crate::job::RuntimeError;
use crate::kube::ready::{number, text};
use crate::kube::{DEFAULT_CONCURRENCY, Deletion, Insist, KubeError, Propagation};
use crate::model::{JobId, JobStatus};

/// What a node gets to end pods beyond their own grace period.
pub(super) const MARGIN: Duration = Duration::from_secs(120);
/// Kubernetes' own default.
pub(super) const GRACE: u64 = 30;

/// What was deleted: UID and name.
type Deleted = BTreeMap<String, String>;

impl KubernetesJobs {
    /// Cancels jobs: deletes those that have not ended, and returns when nothing of them is left. A job that has ended
    /// stays as it is, also one that ends in this very moment. Returns the jobs as they stand then.
    ///
    /// # Errors
    /// [`RuntimeError::Unknown`] when one isn't there (nothing is deleted then); [`RuntimeError::Lingers`] when one is
    /// not gone long after its grace period.
    pub async fn cancel(&self, ids: &[JobId]) -> Result<Vec<ClusterJob>, RuntimeError> {
        let labels = selector(ids);
        let mut deleted = Deleted::new();
        let mut told: BTreeMap<JobId, ClusterJob> = BTreeMap::new();
        loop {
            let snapshot = self.snapshot(&labels).await?;
            told.extend(ids.iter().filter_map(|id| Some((id.clone(), snapshot.one(id)?))));
            if let Some(id) = ids.iter().find(|id| !told.contains_key(id)) {
                return Err(self.unknown(id));
            }
            let unfinished: Vec<&Value> =
                ids.iter().flat_map(|id| snapshot.jobs_of(id)).filter(|job| !has_ended(job)).collect();
            let outcomes: Vec<(String, String, bool)> = stream::iter(unfinished)
                .map(|job| self.delete_unchanged(job))
                .buffer_unordered(DEFAULT_CONCURRENCY)
                .try_collect()
                .await?;
            // Others may have changed what was to be deleted: it may have ended.
            let again = outcomes.iter().any(|(_, _, done)| !done);
            deleted.extend(outcomes.into_iter().filter(|o| o.2).map(|(uid, name, _)| (uid, name)));
            if !again {
                self.until_gone(ids, &deleted, grace(&snapshot)).await?;
                return Ok(ids.iter().filter_map(|id| told.remove(id)).map(cancelled).collect());
            }
        }
    }

    /// Deletes Jobs of an id, whether they have ended or not, and returns when nothing of them is left.
    pub(super) async fn delete_jobs(
        &self,
        id: &JobId,
        names: impl Fn(&str) -> bool,
    ) -> Result<(), RuntimeError> {
        let ids = std::slice::from_ref(id);
        let snapshot = self.snapshot(&selector(ids)).await?;
        let mut deleted = Deleted::new();
        for job in snapshot.jobs_of(id) {
            let (uid, name) = (text(job, "/metadata/uid"), text(job, "/metadata/name"));
            if names(name) {
                self.delete_job(name, Some(uid)).await?;
                deleted.insert(uid.to_owned(), name.to_owned());
            }
        }
        if deleted.is_empty() { Ok(()) } else { self.until_gone(ids, &deleted, grace(&snapshot)).await }
    }

    /// Deletes a Job, if it is the one of that UID. It stays until its pods have gone.
    pub(super) async fn delete_job(&self, name: &str, uid: Option<&str>) -> Result<(), RuntimeError> {
        let insist = Insist { uid, resource_version: None };
        let what = format!("delete job {name}");
        match self.cluster.delete_one(&self.path(name), Propagation::Foreground, insist, &what).await {
            Ok(_) => Ok(()),
            // Another one has its name.
            Err(error) if is_changed(&error) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Gives the pods of a Job that is being deleted another grace period than their own. Who may not do that has to
    /// be content with theirs.
    pub(super) async fn hurry(&self, name: &str, seconds: u64) -> Result<(), RuntimeError> {
        let labels = format!("job-name={name}");
        let deletion =
            Deletion { propagation: Propagation::Background, limit: None, grace_seconds: Some(seconds) };
        let pods = resource(Kind::Pod);
        let selectors = [("labelSelector", labels.as_str())];
        match self.cluster.delete_collection(&pods, &self.namespace, &selectors, deletion).await {
            Ok(_) => Ok(()),
            Err(error) if error.refusal().is_some_and(|r| r.code == 403) => {
                tracing::info!(%error, "the pods keep their own grace period");
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Deletes a Job if it still is as it was seen; whether that is done.
    async fn delete_unchanged(&self, job: &Value) -> Result<(String, String, bool), RuntimeError> {
        let (uid, name) = (text(job, "/metadata/uid").to_owned(), text(job, "/metadata/name").to_owned());
        let insist =
            Insist { uid: Some(&uid), resource_version: Some(text(job, "/metadata/resourceVersion")) };
        let what = format!("delete job {name}");
        // Somebody else may have begun.
        if !text(job, "/metadata/deletionTimestamp").is_empty() {
            return Ok((uid, name, true));
        }
        match self.cluster.delete_one(&self.path(&name), Propagation::Foreground, insist, &what).await {
            Ok(_) => Ok((uid, name, true)),
            Err(error) if is_changed(&error) => Ok((uid, name, false)),
            Err(error) => Err(error.into()),
        }
    }

    /// Returns when neither the Jobs nor any pod of theirs is there.
    async fn until_gone(
        &self,
        ids: &[JobId],
        deleted: &Deleted,
        grace: Duration,
    ) -> Result<(), RuntimeError> {
        let limit = grace + MARGIN;
        let mut tracker = self.track(ids).await?;
        let waited = tokio::time::timeout(limit, async {
            while !left(&tracker, deleted).is_empty() {
                tracker.changed().await?;
            }
            Ok(())
        });
        match waited.await {
            Ok(outcome) => outcome,
            Err(_) => Err(RuntimeError::Lingers {
                left: left(&tracker, deleted).join(", "),
                seconds: limit.as_secs(),
            }),
        }
    }
}

fn left(tracker: &Tracker, deleted: &Deleted) -> Vec<String> {
    let snapshot = &tracker.snapshot;
    let jobs = deleted.iter().filter(|(uid, name)| {
        snapshot.job(name).is_some_and(|job| text(job, "/metadata/uid") == uid.as_str())
    });
    let pods = snapshot.pods().filter(|pod| deleted.contains_key(owner(pod)));
    let pods = pods.map(|p| match text(p, "/spec/nodeName") {
        "" => format!("pod {}", text(p, "/metadata/name")),
        node => format!("pod {} on node {node}", text(p, "/metadata/name")),
    });
    jobs.map(|(_, name)| format!("job {name}")).chain(pods).collect()
}

/// The longest grace period of all pods.
fn grace(snapshot: &Snapshot) -> Duration {
    let own = |pod: &Value| number(pod, "/spec/terminationGracePeriodSeconds");
    let longest = snapshot.pods().filter_map(own).max().and_then(|s| u64::try_from(s).ok());
    Duration::from_secs(longest.unwrap_or(GRACE))
}

fn cancelled(mut told: ClusterJob) -> ClusterJob {
    if !told.job.status.is_final() {
        told.job.status = JobStatus::Cancelled;
        told.job.reason = Some("was cancelled".into());
        told.job.finished_at = Some(Timestamp::now());
    }
    told
}

/// Whether the object is no longer as it was seen.
fn is_changed(error: &KubeError) -> bool {
    error.refusal().is_some_and(|r| r.code == 409)
}
