use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::ClusterJob;
use super::describe::{attempt_of, created, describe, id_of};
use crate::kube::ready::{items, text};
use crate::model::{JobId, JobStatus};

/// The kinds of objects that tell of jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Job,
    Pod,
    Event,
}

/// Jobs, their pods and complaints about them, at a moment.
#[derive(Debug, Default)]
pub(super) struct Snapshot {
    jobs: BTreeMap<String, Value>,
    pods: BTreeMap<String, Value>,
    events: BTreeMap<String, Value>,
}

impl Snapshot {
    pub(super) fn of(&mut self, kind: Kind) -> &mut BTreeMap<String, Value> {
        match kind {
            Kind::Job => &mut self.jobs,
            Kind::Pod => &mut self.pods,
            Kind::Event => &mut self.events,
        }
    }

    pub(super) fn put(&mut self, kind: Kind, object: Value) {
        let name = text(&object, "/metadata/name").to_owned();
        self.of(kind).insert(name, object);
    }

    pub(super) fn job(&self, name: &str) -> Option<&Value> {
        self.jobs.get(name)
    }

    pub(super) fn pod(&self, name: &str) -> Option<&Value> {
        self.pods.get(name)
    }

    pub(super) fn pods(&self) -> impl Iterator<Item = &Value> {
        self.pods.values()
    }

    /// The Kubernetes Jobs of a job, the first attempt first.
    pub(super) fn jobs_of(&self, id: &JobId) -> Vec<&Value> {
        let mut jobs: Vec<_> = self.jobs.values().filter(|j| id_of(j).as_ref() == Some(id)).collect();
        jobs.sort_by_key(|j| (attempt_of(j), created(j)));
        jobs
    }

    /// The pods of a Kubernetes Job, the oldest first.
    pub(super) fn pods_of(&self, job: &Value) -> Vec<&Value> {
        let uid = text(job, "/metadata/uid");
        let mut pods: Vec<_> = self.pods.values().filter(|p| owner(p) == uid).collect();
        pods.sort_by_key(|p| created(p));
        pods
    }

    /// One job.
    pub(super) fn one(&self, id: &JobId) -> Option<ClusterJob> {
        self.select(|job| id_of(job).as_ref() == Some(id)).into_iter().next()
    }

    /// All jobs, the oldest first. Of several attempts at one the last is told.
    pub(super) fn all(&self) -> Vec<ClusterJob> {
        self.select(|_| true)
    }

    fn select(&self, wanted: impl Fn(&Value) -> bool) -> Vec<ClusterJob> {
        let mut pods: HashMap<&str, Vec<&Value>> = HashMap::new();
        for pod in self.pods.values() {
            pods.entry(owner(pod)).or_default().push(pod);
        }
        let mut complaints: HashMap<&str, &Value> = HashMap::new();
        for event in self.events.values().filter(|e| text(e, "/reason") == "FailedCreate") {
            let last = complaints.entry(text(event, "/involvedObject/uid")).or_insert(event);
            if text(event, "/lastTimestamp") > text(last, "/lastTimestamp") {
                *last = event;
            }
        }
        let mut found: BTreeMap<JobId, (u32, u32, ClusterJob)> = BTreeMap::new();
        for job in self.jobs.values().filter(|j| wanted(j)) {
            let uid = text(job, "/metadata/uid");
            let complaint = complaints.get(uid).map(|e| text(e, "/message"));
            let pods = pods.get(uid).map(Vec::as_slice).unwrap_or_default();
            let Some(told) = describe(job, pods, complaint) else { continue };
            let attempt = attempt_of(job);
            let id = told.job.id.clone();
            let before = found.get(&id).map_or(0, |(_, starts, _)| *starts);
            let starts = before + told.job.attempt;
            match found.get_mut(&id) {
                Some(known) if known.0 > attempt => known.1 = starts,
                _ => drop(found.insert(id, (attempt, starts, told))),
            }
        }
        let mut jobs: Vec<_> = found
            .into_values()
            .map(|(_, starts, mut told)| {
                told.job.attempt = starts;
                told
            })
            .collect();
        jobs.sort_by_cached_key(|told| (told.job.created_at, by_number(told.job.id.as_str())));
        jobs
    }

    /// Whether any job has yet to end.
    pub(super) fn has_unfinished(&self) -> bool {
        self.all().iter().any(|j| matches!(j.job.status, JobStatus::Pending | JobStatus::Running))
    }
}

/// An id as people count: `run-2` before `run-10`. For jobs that others have made within one second.
fn by_number(id: &str) -> Vec<(usize, String)> {
    let mut parts: Vec<(usize, String)> = Vec::new();
    let mut digits = None;
    for c in id.chars() {
        if digits != Some(c.is_ascii_digit()) {
            digits = Some(c.is_ascii_digit());
            parts.push((0, String::new()));
        }
        if let Some((size, part)) = parts.last_mut() {
            part.push(c);
            // Of two numbers the longer is the larger.
            *size = if c.is_ascii_digit() { part.trim_start_matches('0').len() } else { 0 };
        }
    }
    parts
}

/// The UID of the object that has made a pod.
pub(super) fn owner(pod: &Value) -> &str {
    items(pod, "/metadata/ownerReferences")
        .find(|o| o.get("controller").and_then(Value::as_bool) == Some(true))
        .map(|o| text(o, "/uid"))
        .unwrap_or_default()
}
