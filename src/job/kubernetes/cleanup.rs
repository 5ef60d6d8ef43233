use std::collections::BTreeSet;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::describe::{created, describe, failure, has_ended, has_succeeded};
use super::jobs::resource;
use super::snapshot::Kind;
use super::{ClusterJob, JOB_ID_LABEL, KubernetesJobs};
use crate::job::RuntimeError;
use crate::kube::ready::text;
use crate::kube::{DEFAULT_CONCURRENCY, Deletion, Insist, Propagation};
use crate::model::{JobId, ModelName, Seconds};

/// Jobs that one request deletes: the server deletes them one after the other and ends a request after a minute.
const AT_ONCE: usize = 1000;
/// Bytes of ids in one selector. Together with the rest of the request's line it stays below the 8 KiB that proxies
/// take.
const SELECTOR: usize = 7000;
/// Requests that delete chosen jobs at the same time; the server lists all jobs for each of them.
const REQUESTS: usize = 4;
/// Chosen by the server: only what has succeeded, and a job of one completion that has can't run again.
const SUCCEEDED: &str = "status.successful=1";

/// Which finished jobs may go.
#[derive(Debug, Clone, Default)]
pub struct Retention {
    /// Those that succeeded.
    pub succeeded: bool,
    /// Those that failed.
    pub failed: bool,
    /// Only of these models; of all if there is none.
    pub models: Vec<ModelName>,
    /// Only those that ended longer ago than this.
    pub older_than: Option<Seconds>,
    /// So many of those that ended last stay.
    pub keep_last: usize,
}

/// A cleanup that was thought through.
#[derive(Debug)]
pub struct CleanupOrder {
    /// Jobs that go, the oldest first.
    pub chosen: Vec<JobId>,
    succeeded: BTreeSet<JobId>,
    /// Name and UID of each Kubernetes Job that goes by itself.
    alone: Vec<(String, String)>,
}

/// A Kubernetes Job that has ended.
struct Ended {
    told: ClusterJob,
    at: Timestamp,
    name: String,
    uid: String,
    succeeded: bool,
}

impl Retention {
    /// Whether it takes all jobs that have succeeded, and no others.
    fn is_all_succeeded(&self) -> bool {
        self.succeeded
            && !self.failed
            && self.models.is_empty()
            && self.older_than.is_none()
            && self.keep_last == 0
    }

    fn takes(&self, ended: &Ended) -> bool {
        let how = if ended.succeeded { self.succeeded } else { self.failed };
        how && (self.models.is_empty() || self.models.iter().any(|m| same(m, &ended.told.job.model)))
    }

    fn choose(&self, mut ended: Vec<Ended>, now: Timestamp) -> Vec<Ended> {
        ended.retain(|e| self.takes(e));
        ended.sort_by_key(|e| std::cmp::Reverse(e.at));
        ended.drain(..self.keep_last.min(ended.len()));
        if let Some(age) = self.older_than {
            let age = SignedDuration::try_from(age.to_duration()).unwrap_or(SignedDuration::MAX);
            let limit = now.checked_sub(age).unwrap_or(Timestamp::MIN);
            ended.retain(|e| e.at < limit);
        }
        ended.reverse();
        ended
    }
}

/// A job may carry no more of its model than the safe name.
fn same(a: &ModelName, b: &ModelName) -> bool {
    a == b || (b.to_string() == b.to_string().to_lowercase() && a.safe() == b.safe())
}

impl KubernetesJobs {
    /// Deletes finished jobs and returns their ids, the oldest first. Never touches one that hasn't ended: those that
    /// succeeded go together, chosen by the server by that very fact; for those that failed the server has no such
    /// choice, so each goes by itself, if it still is the one that was seen.
    ///
    /// # Errors
    /// When the server refuses; part of them may be gone then, and the same cleanup again does the rest.
    pub async fn cleanup(&self, retention: &Retention) -> Result<Vec<JobId>, RuntimeError> {
        if retention.is_all_succeeded() {
            return self.delete_succeeded().await;
        }
        let order = self.plan_cleanup(retention).await?;
        self.carry_out(&order).await?;
        Ok(order.chosen)
    }

    /// Says what [`Self::cleanup`] would do.
    ///
    /// # Errors
    /// When jobs may not be listed.
    pub async fn plan_cleanup(&self, retention: &Retention) -> Result<CleanupOrder, RuntimeError> {
        let mut selectors = vec![("labelSelector", JOB_ID_LABEL)];
        if !retention.failed {
            selectors.push(("fieldSelector", SUCCEEDED));
        }
        let jobs = self.objects(Kind::Job, &selectors).await?;
        let chosen = retention.choose(jobs.iter().filter_map(ended).collect(), Timestamp::now());
        let mut order = CleanupOrder { chosen: Vec::new(), succeeded: BTreeSet::new(), alone: Vec::new() };
        for Ended { told, name, uid, succeeded, .. } in chosen {
            let id = told.job.id;
            if order.chosen.last() != Some(&id) {
                order.chosen.push(id.clone());
            }
            // A later attempt of the same id may run: only a name of its own tells them apart.
            if succeeded && name == id.as_str() {
                order.succeeded.insert(id);
            } else {
                order.alone.push((name, uid));
            }
        }
        Ok(order)
    }

    /// Does what was thought through. What has changed meanwhile is left alone.
    ///
    /// # Errors
    /// See [`Self::cleanup`].
    pub async fn carry_out(&self, order: &CleanupOrder) -> Result<(), RuntimeError> {
        let CleanupOrder { chosen: _, succeeded, alone } = order;
        let together = stream::iter(chunks(succeeded)).map(|ids| async move {
            let labels = format!("{JOB_ID_LABEL} in ({ids})");
            self.delete_some(&[("labelSelector", labels.as_str()), ("fieldSelector", SUCCEEDED)], None).await
        });
        together.buffer_unordered(REQUESTS).try_collect::<Vec<_>>().await?;
        let one_by_one = stream::iter(alone).map(|(name, uid)| async move {
            let insist = Insist { uid: Some(uid), resource_version: None };
            let what = format!("delete job {name}");
            let outcome =
                self.cluster.delete_one(&self.path(name), Propagation::Background, insist, &what).await;
            match outcome {
                // Another has the name by now, and that one is none of ours.
                Err(error) if error.refusal().is_some_and(|r| r.code == 409) => Ok(()),
                other => other.map(drop),
            }
        });
        one_by_one.buffer_unordered(DEFAULT_CONCURRENCY).try_collect::<Vec<_>>().await?;
        Ok(())
    }

    /// Deletes whatever has succeeded, without looking first.
    async fn delete_succeeded(&self) -> Result<Vec<JobId>, RuntimeError> {
        let selectors = [("labelSelector", JOB_ID_LABEL), ("fieldSelector", SUCCEEDED)];
        let mut seen = BTreeSet::new();
        let mut removed = Vec::new();
        loop {
            let found = self.delete_some(&selectors, Some(AT_ONCE)).await?;
            let before = seen.len();
            for job in &found {
                if seen.insert(text(job, "/metadata/uid").to_owned())
                    && let Some(told) = describe(job, &[], None)
                {
                    removed.push((created(job), told.job.id));
                }
            }
            // What others hold back with a finalizer is found again and again.
            if found.len() < AT_ONCE || seen.len() == before {
                removed.sort();
                return Ok(removed.into_iter().map(|(_, id)| id).collect());
            }
        }
    }

    async fn delete_some(
        &self,
        selectors: &[(&str, &str)],
        limit: Option<usize>,
    ) -> Result<Vec<Value>, RuntimeError> {
        let deletion = Deletion { propagation: Propagation::Background, limit, grace_seconds: None };
        Ok(self.cluster.delete_collection(&resource(Kind::Job), &self.namespace, selectors, deletion).await?)
    }
}

fn ended(job: &Value) -> Option<Ended> {
    // What is being deleted needs nobody.
    if !has_ended(job) || !text(job, "/metadata/deletionTimestamp").is_empty() {
        return None;
    }
    let told = describe(job, &[], None)?;
    Some(Ended {
        at: told.job.finished_at.unwrap_or(told.job.created_at),
        name: text(job, "/metadata/name").to_owned(),
        uid: text(job, "/metadata/uid").to_owned(),
        succeeded: has_succeeded(job) && failure(job).is_none(),
        told,
    })
}

/// The ids in lists with commas that fit into a request.
fn chunks(ids: &BTreeSet<JobId>) -> Vec<String> {
    let mut chunks: Vec<String> = Vec::new();
    // A comma is three bytes in a URL.
    let mut room = 0;
    for id in ids {
        let size = id.as_str().len() + 3;
        match chunks.last_mut() {
            Some(chunk) if size <= room => {
                chunk.push(',');
                chunk.push_str(id.as_str());
            }
            _ => {
                chunks.push(id.to_string());
                room = SELECTOR;
            }
        }
        room = room.saturating_sub(size);
    }
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn job(id: &str, model: &str, condition: Option<(&str, &str)>) -> Value {
        let conditions =
            condition.map(|(kind, at)| json!([{"type": kind, "status": "True", "lastTransitionTime": at}]));
        json!({"metadata": {"name": id, "uid": id, "labels": {"job-id": id}, "annotations": {"csw/model": model},
            "creationTimestamp": "2026-01-01T00:00:00Z"}, "status": {"conditions": conditions}})
    }

    fn chosen(retention: &Retention) -> Vec<String> {
        let jobs = [
            job("new-ok", "A/B", Some(("Complete", "2026-01-01T03:00:00Z"))),
            job("old-ok", "A/B", Some(("Complete", "2026-01-01T01:00:00Z"))),
            job("mid-bad", "A/C", Some(("Failed", "2026-01-01T02:00:00Z"))),
            job("ending", "A/B", Some(("FailureTarget", "2026-01-01T02:00:00Z"))),
            job("runs", "A/B", None),
        ];
        let ended = jobs.iter().filter_map(ended).collect();
        retention
            .choose(ended, "2026-01-01T04:00:00Z".parse().unwrap())
            .into_iter()
            .map(|e| e.told.job.id.to_string())
            .collect()
    }

    #[test]
    fn only_what_has_ended_is_chosen_and_the_last_ones_are_spared() {
        let all = Retention { succeeded: true, failed: true, ..Retention::default() };
        assert_eq!(chosen(&all), ["old-ok", "mid-bad", "new-ok"]);
        assert_eq!(chosen(&Retention { keep_last: 2, ..all.clone() }), ["old-ok"]);
        assert_eq!(chosen(&Retention { failed: false, ..all.clone() }), ["old-ok", "new-ok"]);
        assert_eq!(chosen(&Retention { succeeded: false, ..all.clone() }), ["mid-bad"]);
        assert_eq!(chosen(&Retention { models: vec!["A/C".parse().unwrap()], ..all.clone() }), ["mid-bad"]);
        let older_than = |age: &str| Retention { older_than: Some(age.parse().unwrap()), ..all.clone() };
        assert_eq!(chosen(&older_than("90m")), ["old-ok", "mid-bad"]);
        assert!(chosen(&older_than("24h")).is_empty());
    }

    #[test]
    fn every_id_is_in_one_list_that_fits() {
        let ids: BTreeSet<JobId> = (0..1000).map(|_| JobId::random()).collect();
        let lists = chunks(&ids);
        assert!(lists.iter().all(|l| l.replace(',', "%2C").len() <= SELECTOR));
        let listed: BTreeSet<JobId> =
            lists.iter().flat_map(|l| l.split(',')).map(|id| id.parse().unwrap()).collect();
        assert_eq!((listed, lists.len()), (ids, 6));
    }
}
