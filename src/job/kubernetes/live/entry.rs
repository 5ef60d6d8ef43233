use std::collections::{BTreeMap, BTreeSet};

use tokio::sync::watch;

use super::seen::{SeenJob, SeenPod};

/// Pods of one Job that are gone and still remembered.
const REMEMBERED: usize = 3;

/// What is known of one job.
#[derive(Debug, Default)]
pub(super) struct Entry {
    pub(super) jobs: BTreeMap<String, SeenJob>,
    pub(super) pods: BTreeMap<String, SeenPod>,
    /// Kubernetes Jobs that are being made and not yet seen, and whether the server has said that they are.
    pub(super) expected: BTreeMap<String, bool>,
    /// Kubernetes Jobs that we have deleted.
    pub(super) doomed: BTreeSet<String>,
    pub(super) changes: Option<watch::Sender<()>>,
}

impl Entry {
    /// The pods of a Kubernetes Job, the oldest first.
    pub(super) fn pods_of(&self, uid: &str) -> Vec<&SeenPod> {
        let mut pods: Vec<_> = self.pods.values().filter(|p| p.owner == uid).collect();
        pods.sort_by_key(|p| p.created);
        pods
    }

    pub(super) fn graces(&self, uid: &str) -> Vec<u64> {
        self.pods_of(uid).into_iter().filter(|p| p.lives()).filter_map(|p| p.grace).collect()
    }

    pub(super) fn pod_gone(&mut self, name: &str) {
        if let Some(pod) = self.pods.get_mut(name) {
            pod.gone = true;
        }
        let mut gone: Vec<_> =
            self.pods.iter().filter(|(_, p)| p.gone).map(|(n, p)| (p.created, n)).collect();
        gone.sort();
        let old: Vec<String> = gone.iter().rev().skip(REMEMBERED).map(|(_, name)| (*name).clone()).collect();
        for name in old {
            self.pods.remove(&name);
        }
    }

    /// Forgets what is gone, unless somebody has yet to look at it; whether nothing is left to be known.
    pub(super) fn tidy(&mut self) -> bool {
        if self.changes.as_ref().is_some_and(|c| c.receiver_count() > 0) {
            return false;
        }
        self.changes = None;
        self.jobs.retain(|_, job| !job.gone);
        let jobs = &self.jobs;
        self.doomed.retain(|name| jobs.contains_key(name));
        self.pods.retain(|_, pod| !pod.gone || jobs.values().any(|job| job.uid == pod.owner));
        self.jobs.is_empty() && self.pods.is_empty() && self.expected.is_empty()
    }
}
