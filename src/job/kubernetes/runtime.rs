use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt as _;
use serde_json::{Value, json};

use super::follow::Scope;
use super::jobs::{resource, selector};
use super::manifest::{ATTEMPT_LABEL, JOB_ID_LABEL, PUT_AWAY_LABEL, complete, is_same, job_name};
use super::pod_log::{container, exit_code, has_started};
use super::snapshot::{Kind, Snapshot};
use super::{KubernetesJobs, LogEvent, describe};
use crate::job::{AttemptEnd, AttemptKey, AttemptSpec, AttemptState, JobRuntime, LogStream, RuntimeError};
use crate::kube::LogRange;
use crate::kube::ready::{condition, text};
use crate::model::{JobId, TaskResult};

/// Lines that a log's end is looked for in.
const TAIL_LINES: u64 = 200;
/// Why a pod ended that its node, not its program, has ended.
const NODE_REASONS: [&str; 5] = ["NodeLost", "NodeShutdown", "Shutdown", "Terminated", "Preempting"];

/// Makes an attempt's Job: a whole `batch/v1` Job that carries the arguments, the token and the model's secrets to the
/// executor, or says where they are. Name, namespace, labels and annotations are added.
pub type Manifest = dyn Fn(&AttemptSpec) -> Result<Value, RuntimeError> + Send + Sync;

/// Runs each executor as a Kubernetes Job. Results are not left behind: an executor delivers its own.
///
/// Needs `get`, `list`, `watch`, `create`, `patch` and `delete` of jobs, `get`, `list` and `watch` of pods, `get` of their
/// logs; `deletecollection` of pods to end them sooner than their own grace period says.
#[derive(Clone)]
pub struct KubernetesRuntime {
    jobs: KubernetesJobs,
    manifest: Arc<Manifest>,
}

impl fmt::Debug for KubernetesRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KubernetesRuntime").field("jobs", &self.jobs).finish_non_exhaustive()
    }
}

impl KubernetesRuntime {
    /// A runtime that makes Jobs of what `manifest` says.
    pub fn new(jobs: KubernetesJobs, manifest: Arc<Manifest>) -> Self {
        Self { jobs, manifest }
    }

    async fn snapshot(&self, key: &AttemptKey) -> Result<Snapshot, RuntimeError> {
        self.jobs.snapshot(&selector(std::slice::from_ref(&key.id))).await
    }

    /// Whether the Job that has an attempt's name is the attempt; `false` once one that was in the way has gone.
    async fn is_ours(&self, spec: &AttemptSpec, name: &str) -> Result<bool, RuntimeError> {
        let labels = [("fieldSelector", &*format!("metadata.name={name}"))];
        let found = self.jobs.objects(Kind::Job, &labels).await?;
        let Some(job) = found.first() else { return Ok(false) };
        if !is_same(job, spec) {
            return Err(RuntimeError::Conflict {
                name: name.to_owned(),
                namespace: self.jobs.namespace.clone(),
            });
        }
        if text(job, "/metadata/deletionTimestamp").is_empty() {
            return Ok(true);
        }
        // An earlier one of the same request that was stopped: it is no attempt any more.
        self.jobs.delete_jobs(&spec.key.id, |n| n == name, None).await?;
        Ok(false)
    }
}

#[async_trait]
impl JobRuntime for KubernetesRuntime {
    async fn create(&self, spec: &AttemptSpec) -> Result<(), RuntimeError> {
        let object = complete((self.manifest)(spec)?, spec, &self.jobs.namespace)?;
        let name = job_name(&spec.key);
        let what = format!("create job {name}");
        loop {
            let made =
                self.jobs.cluster.create(&resource(Kind::Job), &self.jobs.namespace, &object, &what).await;
            match made {
                Ok(_) => return Ok(()),
                Err(error) if error.refusal().is_some_and(|r| r.reason == "AlreadyExists") => {
                    if self.is_ours(spec, &name).await? {
                        return Ok(());
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn state(&self, key: &AttemptKey) -> Result<AttemptState, RuntimeError> {
        let snapshot = self.snapshot(key).await?;
        Ok(match snapshot.job(&job_name(key)) {
            None => AttemptState::Absent,
            Some(job) => match end(&snapshot, job) {
                Some(end) => AttemptState::Ended(end),
                None => AttemptState::Running,
            },
        })
    }

    async fn wait(&self, key: &AttemptKey) -> Result<AttemptEnd, RuntimeError> {
        let name = job_name(key);
        let mut tracker = self.jobs.track(std::slice::from_ref(&key.id)).await?;
        let mut last = AttemptEnd::default();
        loop {
            let Some(job) = tracker.snapshot.job(&name) else { return Ok(last) };
            if let Some(end) = end(&tracker.snapshot, job) {
                if end.code.is_some() || end.signal.is_some() || end.machine_lost {
                    return Ok(end);
                }
                // What is told of pods may lag behind what is told of Jobs.
                let snapshot = self.snapshot(key).await?;
                return Ok(snapshot.job(&name).and_then(|job| self::end(&snapshot, job)).unwrap_or(end));
            }
            last = last_pod_end(&tracker.snapshot, job);
            tracker.changed().await?;
        }
    }

    async fn stop(&self, key: &AttemptKey, grace: Duration) -> Result<(), RuntimeError> {
        if !matches!(self.state(key).await?, AttemptState::Running) {
            return Ok(());
        }
        let name = job_name(key);
        self.jobs.delete_jobs(&key.id, |n| n == name, Some(grace.as_secs())).await
    }

    async fn spooled(&self, _key: &AttemptKey) -> Result<Option<TaskResult>, RuntimeError> {
        Ok(None)
    }

    async fn logs(&self, key: &AttemptKey, follow: bool) -> Result<Option<LogStream>, RuntimeError> {
        let snapshot = self.snapshot(key).await?;
        let name = job_name(key);
        let Some(job) = snapshot.job(&name) else { return Ok(None) };
        if follow {
            let events = self.jobs.start(Scope::Whole { id: key.id.clone(), name }).await?;
            let bytes = events.filter_map(|event| {
                std::future::ready(match event {
                    Ok(LogEvent::Bytes(bytes)) => Some(Ok(bytes)),
                    Ok(LogEvent::Note(_)) => None,
                    Err(error) => Some(Err(std::io::Error::other(error))),
                })
            });
            return Ok(Some(bytes.boxed()));
        }
        let mut parts = Vec::new();
        for pod in snapshot.pods_of(job).into_iter().filter(|p| has_started(p)) {
            parts.push(self.jobs.present(pod).await?);
        }
        if parts.is_empty() {
            return Ok(None);
        }
        let lines = futures::stream::iter(parts).flatten();
        Ok(Some(lines.map(|line| line.map_err(std::io::Error::other)).boxed()))
    }

    async fn log_tail(&self, key: &AttemptKey, bytes: u64) -> Result<String, RuntimeError> {
        let snapshot = self.snapshot(key).await?;
        let pods = snapshot.job(&job_name(key)).map(|job| snapshot.pods_of(job)).unwrap_or_default();
        let Some(pod) = pods.into_iter().rfind(|p| has_started(p)) else { return Ok(String::new()) };
        let name = text(pod, "/metadata/name");
        let range = LogRange { tail_lines: Some(TAIL_LINES), ..LogRange::default() };
        let mut lines =
            self.jobs.cluster.log_lines(&self.jobs.namespace, name, container(pod), range).await?;
        let mut tail = Vec::new();
        while let Some(line) = lines.next().await {
            tail.extend(line.map_err(|source| RuntimeError::Log { pod: name.to_owned(), source })?.bytes);
        }
        Ok(last_lines(&tail, bytes))
    }

    async fn list(&self) -> Result<Vec<AttemptKey>, RuntimeError> {
        let labels = format!("{JOB_ID_LABEL},{ATTEMPT_LABEL},!{PUT_AWAY_LABEL}");
        let jobs = self.jobs.objects(Kind::Job, &[("labelSelector", &labels)]).await?;
        let key =
            |job: &Value| Some(AttemptKey { id: describe::id_of(job)?, attempt: describe::attempt_of(job) });
        let mut keys: Vec<AttemptKey> = jobs.iter().filter_map(key).collect();
        keys.sort();
        Ok(keys)
    }

    async fn put_away(&self, key: &AttemptKey) -> Result<(), RuntimeError> {
        let name = job_name(key);
        let patch = json!({"metadata": {"labels": {PUT_AWAY_LABEL: "true"}}});
        let what = format!("label job {name}");
        match self.jobs.cluster.merge_patch(&self.jobs.path(&name), &patch, &what).await {
            Ok(_) => Ok(()),
            // Stopped: nothing is left of it.
            Err(error) if error.is_not_found() => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    async fn delete(&self, id: &JobId, _attempts: u32) -> Result<(), RuntimeError> {
        self.jobs.delete_jobs(id, |_| true, None).await
    }
}

/// How an attempt has ended, if it has and none of its pods is left running.
fn end(snapshot: &Snapshot, job: &Value) -> Option<AttemptEnd> {
    let lives = |pod: &Value| !matches!(text(pod, "/status/phase"), "Succeeded" | "Failed");
    if !describe::has_ended(job) || snapshot.pods_of(job).into_iter().any(lives) {
        return None;
    }
    Some(last_pod_end(snapshot, job))
}

fn last_pod_end(snapshot: &Snapshot, job: &Value) -> AttemptEnd {
    let Some(pod) = snapshot.pods_of(job).pop() else { return AttemptEnd::default() };
    let disrupted = condition(pod, "DisruptionTarget").is_some_and(|c| text(c, "/status") == "True");
    let code = exit_code(pod);
    // A shell's convention that container runtimes follow.
    let signal = code.filter(|c| (129..=192).contains(c)).map(|c| c - 128);
    AttemptEnd {
        code: code.filter(|_| signal.is_none()),
        signal,
        machine_lost: disrupted || NODE_REASONS.contains(&text(pod, "/status/reason")),
    }
}

/// The last whole lines that fit, without the last line feed.
fn last_lines(log: &[u8], bytes: u64) -> String {
    let log = log.strip_suffix(b"\n").unwrap_or(log);
    let start = log.len().saturating_sub(usize::try_from(bytes).unwrap_or(usize::MAX));
    let mut tail = log.get(start..).unwrap_or_default();
    if start > 0 && log.get(start - 1) != Some(&b'\n') {
        let line = tail.iter().position(|b| *b == b'\n').map_or(0, |end| end + 1);
        tail = tail.get(line..).unwrap_or_default();
    }
    String::from_utf8_lossy(tail).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_has_whole_lines_as_far_as_they_fit() {
        assert_eq!(last_lines(b"one\ntwo\n", 5), "two");
        assert_eq!(last_lines(b"one\ntwo\n", 3), "two");
        assert_eq!(last_lines(b"one\ntwo\n", 500), "one\ntwo");
        assert_eq!(last_lines(b"a long line\n", 4), "line");
        assert_eq!(last_lines(b"", 4), "");
    }
}
