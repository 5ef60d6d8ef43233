use std::collections::HashMap;
use std::time::Instant;

use serde_json::Value;
use tokio::sync::watch;

use super::ending::ending;
use super::entry::Entry;
use super::seen::{SeenJob, SeenPod, Stuck};
use crate::job::kubernetes::{Hindrance, job_name};
use crate::job::{AttemptEnd, AttemptKey};
use crate::kube::ready::{refusal_words, text};
use crate::model::JobId;

/// Everything that is known of the namespace's Jobs, by the ids of the jobs: a change, and a question, costs as much as
/// there is of one job, however many there are.
#[derive(Debug, Default)]
pub(super) struct Index {
    entries: HashMap<JobId, Entry>,
    /// Name of a Kubernetes Job → the job.
    jobs: HashMap<String, JobId>,
    /// Name of a pod → the job.
    pods: HashMap<String, JobId>,
    /// UID of a Kubernetes Job → the last complaint about it.
    complaints: HashMap<String, Complaint>,
    /// Name of an event → UID of the Job.
    events: HashMap<String, String>,
}

/// That no pod could be made of a Job.
#[derive(Debug)]
struct Complaint {
    /// The event's name.
    event: String,
    words: String,
    /// Since when there have been complaints.
    since: Instant,
}

/// How an attempt stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::job::kubernetes) enum Standing {
    /// There is no trace of it.
    Absent,
    /// It has yet to end; what keeps it from starting.
    Lives(Option<Stuck>),
    /// It has ended; whether that is all there is to know.
    Ended(AttemptEnd, bool),
}

/// A Kubernetes Job that is to be deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::job::kubernetes) struct Doomed {
    pub(in crate::job::kubernetes) name: String,
    pub(in crate::job::kubernetes) uid: Option<String>,
    /// The grace periods of its pods that live.
    pub(in crate::job::kubernetes) graces: Vec<u64>,
}

impl Complaint {
    fn stuck(&self) -> Option<Stuck> {
        let Hindrance { cause, for_good } = Hindrance::of_complaint(&self.words)?;
        Some(Stuck { cause, since: self.since, for_good })
    }
}

impl Index {
    pub(super) fn put_job(&mut self, name: &str, mut job: SeenJob) {
        let id = job.id.clone();
        let entry = self.entries.entry(id.clone()).or_default();
        entry.expected.remove(name);
        if let Some(known) = entry.jobs.get(name).filter(|known| known.uid == job.uid) {
            job.put_away |= known.put_away;
        } else {
            entry.doomed.remove(name);
        }
        entry.jobs.insert(name.to_owned(), job);
        self.jobs.insert(name.to_owned(), id.clone());
        self.changed(&id);
    }

    pub(super) fn put_pod(&mut self, name: &str, pod: &Value) {
        let before = self.pods.get(name).and_then(|id| self.entries.get(id)?.pods.get(name));
        let Some(seen) = SeenPod::read(pod, before, Instant::now()) else { return };
        let id = seen.id.clone();
        self.entries.entry(id.clone()).or_default().pods.insert(name.to_owned(), seen);
        self.pods.insert(name.to_owned(), id.clone());
        self.changed(&id);
    }

    pub(super) fn put_complaint(&mut self, name: &str, event: &Value) {
        if text(event, "/reason") != "FailedCreate" {
            return;
        }
        let uid = text(event, "/involvedObject/uid").to_owned();
        self.events.insert(name.to_owned(), uid.clone());
        let since = self.complaints.get(&uid).map_or_else(Instant::now, |before| before.since);
        let words = text(event, "/message").to_owned();
        self.complaints.insert(uid, Complaint { event: name.to_owned(), words, since });
        if let Some(id) = self.jobs.get(text(event, "/involvedObject/name")).cloned() {
            self.changed(&id);
        }
    }

    pub(super) fn job_gone(&mut self, name: &str) {
        let Some(id) = self.jobs.remove(name) else { return };
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.expected.remove(name);
            if let Some(job) = entry.jobs.get_mut(name) {
                job.gone = true;
            }
        }
        self.changed(&id);
    }

    pub(super) fn pod_gone(&mut self, name: &str) {
        let Some(id) = self.pods.remove(name) else { return };
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.pod_gone(name);
        }
        self.changed(&id);
    }

    pub(super) fn complaint_gone(&mut self, name: &str) {
        let Some(uid) = self.events.remove(name) else { return };
        if self.complaints.get(&uid).is_some_and(|last| last.event == name) {
            self.complaints.remove(&uid);
        }
    }

    /// A Kubernetes Job is about to be made.
    pub(super) fn expect(&mut self, key: &AttemptKey) {
        let name = job_name(key);
        let entry = self.entries.entry(key.id.clone()).or_default();
        if entry.jobs.get(&name).is_none_or(|job| job.gone) {
            entry.jobs.remove(&name);
            entry.expected.insert(name, false);
        }
    }

    /// It has been made, or not.
    pub(super) fn settle(&mut self, key: &AttemptKey, made: bool) {
        let name = job_name(key);
        let Some(entry) = self.entries.get_mut(&key.id) else { return };
        if made && let Some(expected) = entry.expected.get_mut(&name) {
            *expected = true;
        } else {
            entry.expected.remove(&name);
        }
        self.changed(&key.id);
    }

    /// Jobs that were made and that nobody has told of since.
    pub(super) fn unseen(&self) -> Vec<(JobId, String)> {
        let made = |(id, entry): (&JobId, &Entry)| {
            let names = entry.expected.iter().filter(|(_, made)| **made).map(|(name, _)| name.clone());
            names.map(|name| (id.clone(), name)).collect::<Vec<_>>()
        };
        self.entries.iter().flat_map(made).collect()
    }

    /// One of them isn't there.
    pub(super) fn unexpect(&mut self, id: &JobId, name: &str) {
        if let Some(entry) = self.entries.get_mut(id) {
            entry.expected.remove(name);
        }
        self.changed(id);
    }

    pub(super) fn standing(&self, key: &AttemptKey) -> Standing {
        let name = job_name(key);
        let Some(entry) = self.entries.get(&key.id) else { return Standing::Absent };
        if entry.expected.contains_key(&name) {
            return Standing::Lives(None);
        }
        let Some(job) = entry.jobs.get(&name) else { return Standing::Absent };
        let pods = entry.pods_of(&job.uid);
        match ending(job, &pods, entry.doomed.contains(&name)) {
            Some((end, sure)) => Standing::Ended(end, sure),
            None => {
                // Of a template that pods were made of before, another can be made.
                let refused =
                    || self.complaints.get(&job.uid).filter(|_| pods.is_empty() && job.held.is_none());
                let stuck = pods.iter().filter(|p| p.lives()).find_map(|p| p.stuck.clone());
                Standing::Lives(stuck.or_else(|| refused().and_then(Complaint::stuck)))
            }
        }
    }

    /// Why an attempt does not run (yet).
    pub(super) fn waits(&self, key: &AttemptKey) -> Option<String> {
        let entry = self.entries.get(&key.id)?;
        let job = entry.jobs.get(&job_name(key))?;
        if job.outcome.is_some() || job.gone {
            return None;
        }
        if job.held.is_some() {
            return job.held.clone();
        }
        match entry.pods_of(&job.uid).into_iter().rfind(|p| p.lives()) {
            Some(pod) => pod.waits.clone(),
            None => Some(match self.complaints.get(&job.uid) {
                Some(complaint) => refusal_words(&complaint.words),
                None => "waits for its pod".to_owned(),
            }),
        }
    }

    /// Attempts that are there and have not been put away.
    pub(super) fn list(&self) -> Vec<AttemptKey> {
        let there = |entry: &Entry| {
            let jobs = entry.jobs.values().filter(|j| !j.gone && !j.put_away);
            jobs.map(|job| AttemptKey { id: job.id.clone(), attempt: job.attempt }).collect::<Vec<_>>()
        };
        let mut keys: Vec<AttemptKey> = self.entries.values().flat_map(there).collect();
        keys.sort();
        keys
    }

    pub(super) fn put_away(&mut self, key: &AttemptKey) {
        if let Some(job) = self.entries.get_mut(&key.id).and_then(|e| e.jobs.get_mut(&job_name(key))) {
            job.put_away = true;
        }
    }

    /// Marks Jobs of an id as deleted by us: of one attempt, or all.
    pub(super) fn doom(&mut self, id: &JobId, name: Option<&str>) -> Vec<Doomed> {
        let Some(entry) = self.entries.get_mut(id) else { return Vec::new() };
        let there = entry.jobs.iter().filter(|(_, job)| !job.gone).map(|(name, job)| (name, Some(job)));
        let expected = entry.expected.keys().map(|name| (name, None));
        let found: Vec<Doomed> = there
            .chain(expected)
            .filter(|(n, _)| name.is_none_or(|name| name == n.as_str()))
            .map(|(name, job)| Doomed {
                name: name.clone(),
                uid: job.map(|j| j.uid.clone()),
                graces: job.map(|j| entry.graces(&j.uid)).unwrap_or_default(),
            })
            .collect();
        entry.doomed.extend(found.iter().map(|d| d.name.clone()));
        found
    }

    /// What is left of Jobs that were deleted.
    pub(super) fn left(&self, id: &JobId, doomed: &[Doomed]) -> Vec<String> {
        let Some(entry) = self.entries.get(id) else { return Vec::new() };
        let mut left = Vec::new();
        for Doomed { name, uid, .. } in doomed {
            let same = |job: &&SeenJob| !job.gone && uid.as_ref().is_none_or(|uid| *uid == job.uid);
            if entry.expected.contains_key(name) || entry.jobs.get(name).filter(same).is_some() {
                left.push(format!("job {name}"));
            }
            let owned = |pod: &SeenPod| uid.as_ref().is_some_and(|uid| *uid == pod.owner) && !pod.gone;
            left.extend(entry.pods.iter().filter(|(_, p)| owned(p)).map(|(name, _)| format!("pod {name}")));
        }
        left
    }

    /// The last pod of an attempt that has a log, and its container.
    pub(super) fn last_log(&self, key: &AttemptKey) -> Option<(String, String)> {
        let entry = self.entries.get(&key.id)?;
        let uid = &entry.jobs.get(&job_name(key))?.uid;
        let pods = entry.pods.iter().filter(|(_, p)| p.owner == *uid && p.started && !p.gone);
        let (name, pod) = pods.max_by_key(|(_, p)| p.created)?;
        Some((name.clone(), pod.container.clone()))
    }

    /// Tells of every change to what is known of a job.
    pub(super) fn subscribe(&mut self, id: &JobId) -> watch::Receiver<()> {
        let entry = self.entries.entry(id.clone()).or_default();
        entry.changes.get_or_insert_with(|| watch::Sender::new(())).subscribe()
    }

    /// Nobody may be left who has asked for changes.
    pub(super) fn unsubscribed(&mut self, id: &JobId) {
        self.tidy(id);
    }

    /// How many jobs anything is remembered of.
    #[cfg(test)]
    fn len(&self) -> usize {
        self.entries.len()
    }

    fn changed(&mut self, id: &JobId) {
        if let Some(changes) = self.entries.get(id).and_then(|e| e.changes.as_ref()) {
            changes.send_replace(());
        }
        self.tidy(id);
    }

    fn tidy(&mut self, id: &JobId) {
        if self.entries.get_mut(id).is_some_and(Entry::tidy) {
            self.entries.remove(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::job::EndCause;

    fn key(id: &str) -> AttemptKey {
        AttemptKey { id: id.parse().unwrap(), attempt: 1 }
    }

    fn job(id: &str, uid: &str, status: Value) -> SeenJob {
        let labels = json!({"job-id": id, "attempt": "1"});
        SeenJob::read(&json!({"metadata": {"name": id, "uid": uid, "labels": labels}, "status": status}))
            .unwrap()
    }

    fn pod(id: &str, uid: &str, status: Value) -> Value {
        json!({"metadata": {"labels": {"job-id": id}, "ownerReferences": [{"controller": true, "uid": uid}]},
            "status": status})
    }

    #[test]
    fn a_job_that_was_made_is_there_before_it_is_told_of() {
        let mut index = Index::default();
        let key = key("a");
        assert_eq!(index.standing(&key), Standing::Absent);
        index.expect(&key);
        index.settle(&key, true);
        assert_eq!(index.standing(&key), Standing::Lives(None));
        assert_eq!(index.unseen(), [(key.id.clone(), "a".to_owned())]);
        index.put_job("a", job("a", "u", json!({})));
        assert!(index.unseen().is_empty());
        assert_eq!(index.list(), std::slice::from_ref(&key));
        // Told of and deleted before the answer to its creation has come.
        index.job_gone("a");
        index.settle(&key, true);
        assert_eq!(index.standing(&key), Standing::Absent);
        assert_eq!(index.len(), 0);
        index.expect(&key);
        index.settle(&key, false);
        assert_eq!((index.standing(&key), index.len()), (Standing::Absent, 0));
    }

    #[test]
    fn who_waits_hears_of_its_job_only_and_sees_what_is_gone() {
        let mut index = Index::default();
        let (a, b) = (key("a"), key("b"));
        let mut changes = index.subscribe(&a.id);
        index.put_job("b", job("b", "ub", json!({})));
        assert!(!changes.has_changed().unwrap());
        index.put_job("a", job("a", "ua", json!({})));
        assert!(changes.has_changed().unwrap());
        changes.mark_unchanged();
        index.put_pod("a-1", &pod("a", "ua", json!({"phase": "Running"})));
        index.pod_gone("a-1");
        index.job_gone("a");
        index.job_gone("b");
        let Standing::Ended(end, true) = index.standing(&a) else { panic!() };
        assert_eq!(end.cause, Some(EndCause::Deleted));
        assert_eq!(index.standing(&b), Standing::Absent);
        drop(changes);
        index.unsubscribed(&a.id);
        assert_eq!(index.len(), 0);
    }

    #[test]
    fn a_complaint_is_told_as_long_as_it_stands() {
        let mut index = Index::default();
        let key = key("a");
        index.put_job("a", job("a", "u", json!({})));
        assert_eq!(index.waits(&key).as_deref(), Some("waits for its pod"));
        let event =
            json!({"reason": "FailedCreate", "message": "exceeded quota", "involvedObject": {"uid": "u"}});
        index.put_complaint("e", &event);
        assert_eq!(index.waits(&key).as_deref(), Some("exceeded quota"));
        index.complaint_gone("e");
        assert_eq!(index.waits(&key).as_deref(), Some("waits for its pod"));
        index.put_pod("a-1", &pod("a", "u", json!({"phase": "Running"})));
        assert_eq!(index.waits(&key), None);
    }

    #[test]
    fn what_was_deleted_by_us_is_left_until_it_is_gone() {
        let mut index = Index::default();
        index.put_job("a", job("a", "u", json!({})));
        index.put_pod("a-1", &pod("a", "u", json!({"phase": "Running"})));
        let key = key("a");
        let _changes = index.subscribe(&key.id);
        let doomed = index.doom(&key.id, None);
        index.job_gone("a");
        assert_eq!(index.left(&key.id, &doomed), ["pod a-1"]);
        index.pod_gone("a-1");
        assert!(index.left(&key.id, &doomed).is_empty());
        assert_eq!(index.standing(&key), Standing::Ended(AttemptEnd::default(), true));
        // Another of that name is another one.
        index.put_job("a", job("a", "u2", json!({})));
        assert!(index.left(&key.id, &doomed).is_empty());
        assert_eq!(index.standing(&key), Standing::Lives(None));
    }
}
