use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt as _;
use serde_json::Value;
use tokio::time::Instant;

use super::credentials::{self, Credentials};
use super::follow::Scope;
use super::hindrance::STARTUP_PATIENCE;
use super::jobs::{resource, selector};
use super::live::{Live, Standing};
use super::manifest::{complete, is_same, job_name};
use super::pod_log::has_started;
use super::snapshot::Kind;
use super::{KubernetesJobs, LogEvent};
use crate::job::{
    AttemptEnd, AttemptKey, AttemptSpec, AttemptState, EndCause, JobRuntime, LogStream, RuntimeError,
};
use crate::kube::LogRange;
use crate::kube::ready::text;
use crate::model::{JobId, TaskResult};

/// Lines that a log's end is looked for in.
const TAIL_LINES: u64 = 200;
/// How long a new Job is offered to a server that can't take it, before it is said to be away.
const CREATE_PATIENCE: Duration = Duration::from_secs(3);
/// Between attempts at what has to be done in the end.
const PAUSE: Duration = Duration::from_secs(5);

/// Makes an attempt's Job: a whole `batch/v1` Job that carries the arguments and the model's secrets to the executor, or
/// says where they are. Name, namespace, labels, annotations and references to the credentials are added.
pub type Manifest = dyn Fn(&AttemptSpec) -> Result<Value, RuntimeError> + Send + Sync;

/// Runs each executor as a Kubernetes Job. Results are not left behind: an executor delivers its own.
///
/// What becomes of the Jobs is watched by three connections for all of them; an attempt costs one request, that makes its
/// Job, and one that makes the Secret of its credentials, if it has any. Which attempts have been put away is remembered
/// no longer than the runtime lives.
///
/// The Job comes first, since its Secret names it as its owner: so no Secret is ever left behind. A pod waits for its
/// Secret; where this process ended in between, the next one makes it when it sees the pod wait.
///
/// Needs `list`, `watch`, `get`, `create` and `delete` of jobs, `list` and `watch` of pods, `get` of their logs;
/// `create` of secrets for credentials; `deletecollection` of pods to end them sooner than their own grace period says, `list` and `watch` of events to tell
/// why there is no pod.
#[derive(Clone)]
pub struct KubernetesRuntime {
    pub(super) jobs: KubernetesJobs,
    /// The same, for making Jobs.
    hasty: KubernetesJobs,
    manifest: Arc<Manifest>,
    credentials: Option<Arc<Credentials>>,
    pub(super) live: Arc<Live>,
    patience: Duration,
}

impl fmt::Debug for KubernetesRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KubernetesRuntime").field("jobs", &self.jobs).finish_non_exhaustive()
    }
}

impl KubernetesRuntime {
    /// A runtime that makes Jobs of what `manifest` says. Returns when it has seen all Jobs that are there.
    ///
    /// # Errors
    /// When jobs or pods may not be watched, or the cluster can't be reached.
    pub async fn start(jobs: KubernetesJobs, manifest: Arc<Manifest>) -> Result<Self, RuntimeError> {
        let live = Arc::new(Live::start(&jobs).await?);
        let cluster = jobs.cluster.clone().with_patience(CREATE_PATIENCE);
        let hasty = KubernetesJobs { cluster, namespace: jobs.namespace.clone() };
        Ok(Self { jobs, hasty, manifest, credentials: None, live, patience: STARTUP_PATIENCE })
    }

    /// Gives each executor these credentials, in a Secret that its Job owns.
    #[must_use]
    pub fn with_credentials(mut self, credentials: Arc<Credentials>) -> Self {
        self.credentials = Some(credentials);
        self
    }

    /// How long a container may fail to start (its image can't be pulled, a Secret is missing) before its attempt is
    /// given up, instead of five minutes.
    #[must_use]
    pub fn with_startup_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// The Job that has an attempt's name, if it is the attempt; nothing once one that was in the way has gone.
    async fn ours(&self, spec: &AttemptSpec, name: &str) -> Result<Option<Value>, RuntimeError> {
        let labels = [("fieldSelector", &*format!("metadata.name={name}"))];
        let found = self.jobs.objects(Kind::Job, &labels).await?;
        let Some(job) = found.into_iter().next() else { return Ok(None) };
        if !is_same(&job, spec) {
            return Err(RuntimeError::Conflict {
                name: name.to_owned(),
                namespace: self.jobs.namespace.clone(),
            });
        }
        if text(&job, "/metadata/deletionTimestamp").is_empty() {
            return Ok(Some(job));
        }
        // An earlier one of the same request that was stopped: it is no attempt any more.
        self.remove(&spec.key.id, Some(name), None).await?;
        self.jobs.delete_jobs(&spec.key.id, |n| n == name).await?;
        Ok(None)
    }

    async fn make(&self, spec: &AttemptSpec, object: &Value) -> Result<(), RuntimeError> {
        let name = job_name(&spec.key);
        let what = format!("create job {name}");
        loop {
            let made =
                self.hasty.cluster.create(&resource(Kind::Job), &self.jobs.namespace, object, &what).await;
            match made {
                Ok(job) => return self.equip_new(&name, &job).await,
                Err(error) if error.refusal().is_some_and(|r| r.reason == "AlreadyExists") => {
                    if let Some(job) = self.ours(spec, &name).await? {
                        return self.equip(&self.hasty, &job).await;
                    }
                    self.live.expect(&spec.key);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Makes the Secret of a Job that was just made. A Job that can't have one is of no use.
    async fn equip_new(&self, name: &str, job: &Value) -> Result<(), RuntimeError> {
        let equipped = self.equip(&self.hasty, job).await;
        if equipped.is_err() {
            let uid = text(job, "/metadata/uid");
            if let Err(error) = self.hasty.delete_job(name, Some(uid)).await {
                tracing::info!(%error, "a job without its credentials is left until it is started again");
            }
        }
        equipped
    }

    /// Makes the Secret that a Job names, unless it is there.
    async fn equip(&self, jobs: &KubernetesJobs, job: &Value) -> Result<(), RuntimeError> {
        let credentials = self.credentials.as_ref();
        let Some(secret) = credentials.and_then(|c| credentials::secret(job, c.as_ref())) else {
            return Ok(());
        };
        let what = format!("create the Secret of job {}", text(job, "/metadata/name"));
        let made = jobs.cluster.create(&credentials::resource(), &jobs.namespace, &secret, &what).await;
        match made {
            Ok(_) => Ok(()),
            Err(error) if error.refusal().is_some_and(|r| r.reason == "AlreadyExists") => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Makes up for what another process was about to do when it ended; whether that is done.
    async fn equip_again(&self, key: &AttemptKey) -> bool {
        let name = job_name(key);
        let found = self.jobs.cluster.get_path(&self.jobs.path(&name), &format!("read job {name}")).await;
        let equipped = match found {
            Ok(job) => self.equip(&self.jobs, &job).await,
            Err(error) if error.is_not_found() => Ok(()),
            Err(error) => Err(error.into()),
        };
        if let Err(error) = &equipped {
            tracing::warn!("cannot give job {name} its credentials: {error}");
        }
        equipped.is_ok()
    }

    /// Ends an attempt whose container does not start, as [`AttemptEnd::cause`] says.
    async fn give_up(&self, key: &AttemptKey) {
        let name = job_name(key);
        while let Err(error) = self.remove(&key.id, Some(&name), None).await {
            tracing::warn!("cannot delete job {name}, which does not start: {error}");
            tokio::time::sleep(PAUSE).await;
        }
    }
}

#[async_trait]
impl JobRuntime for KubernetesRuntime {
    async fn create(&self, spec: &AttemptSpec) -> Result<(), RuntimeError> {
        let mut object = complete((self.manifest)(spec)?, spec, &self.jobs.namespace)?;
        if let Some(credentials) = &self.credentials {
            let names = credentials(&spec.key, &spec.model, spec.task);
            credentials::refer(&mut object, names.keys()).ok_or_else(|| RuntimeError::Manifest {
                key: spec.key.to_string(),
                reason: "the Job has no container".to_owned(),
            })?;
        }
        self.live.expect(&spec.key);
        let made = self.make(spec, &object).await;
        self.live.settle(&spec.key, made.is_ok());
        made
    }

    async fn state(&self, key: &AttemptKey) -> Result<AttemptState, RuntimeError> {
        Ok(match self.live.standing(key) {
            Standing::Absent => AttemptState::Absent,
            Standing::Lives(_) => AttemptState::Running,
            Standing::Ended(end, _) => AttemptState::Ended(end),
        })
    }

    async fn wait(&self, key: &AttemptKey) -> Result<AttemptEnd, RuntimeError> {
        let mut changes = self.live.changes(&key.id);
        let (mut looked, mut lived, mut equipped) = (false, false, self.credentials.is_none());
        loop {
            let standing = self.live.standing(key);
            lived |= matches!(standing, Standing::Lives(_));
            match standing {
                // It was made, and has gone before anybody told of it.
                Standing::Absent if lived => {
                    return Ok(AttemptEnd { cause: Some(EndCause::Deleted), ..AttemptEnd::default() });
                }
                Standing::Absent => return Ok(AttemptEnd::default()),
                Standing::Ended(end, sure) if sure || looked => return Ok(end),
                Standing::Ended(..) => {
                    // What is told of pods may lag behind what is told of Jobs.
                    self.live.look_at_pods(&self.jobs, &key.id).await?;
                    looked = true;
                }
                Standing::Lives(None) => changes.next().await,
                Standing::Lives(Some(stuck)) => {
                    let patience = if stuck.for_good { Duration::ZERO } else { self.patience };
                    let late = Instant::from_std(stuck.since) + patience;
                    if !equipped && matches!(stuck.cause, EndCause::Configuration { .. }) {
                        equipped = self.equip_again(key).await;
                    }
                    let again = async {
                        match equipped {
                            true => std::future::pending().await,
                            false => tokio::time::sleep(PAUSE).await,
                        }
                    };
                    tokio::select! {
                        () = changes.next() => {}
                        () = again => {}
                        () = tokio::time::sleep_until(late) => {
                            self.give_up(key).await;
                            return Ok(AttemptEnd { cause: Some(stuck.cause), ..AttemptEnd::default() });
                        }
                    }
                }
            }
        }
    }

    fn waits(&self, key: &AttemptKey) -> Option<String> {
        self.live.waits(key)
    }

    async fn stop(&self, key: &AttemptKey, grace: Duration) -> Result<(), RuntimeError> {
        if !matches!(self.live.standing(key), Standing::Lives(_)) {
            return Ok(());
        }
        self.remove(&key.id, Some(&job_name(key)), Some(grace.as_secs())).await
    }

    async fn spooled(&self, _key: &AttemptKey) -> Result<Option<TaskResult>, RuntimeError> {
        Ok(None)
    }

    async fn logs(&self, key: &AttemptKey, follow: bool) -> Result<Option<LogStream>, RuntimeError> {
        let snapshot = self.jobs.snapshot(&selector(std::slice::from_ref(&key.id))).await?;
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
        let Some((pod, container)) = self.live.last_log(key) else { return Ok(String::new()) };
        let range = LogRange { tail_lines: Some(TAIL_LINES), ..LogRange::default() };
        let mut lines = self.jobs.cluster.log_lines(&self.jobs.namespace, &pod, &container, range).await?;
        let mut tail = Vec::new();
        while let Some(line) = lines.next().await {
            let line = line.map_err(|source| RuntimeError::Log { pod: pod.clone(), source })?;
            if !line.is_excuse() {
                tail.extend(line.bytes);
            }
        }
        Ok(last_lines(&tail, bytes))
    }

    async fn list(&self) -> Result<Vec<AttemptKey>, RuntimeError> {
        Ok(self.live.list())
    }

    async fn put_away(&self, key: &AttemptKey) -> Result<(), RuntimeError> {
        self.live.put_away(key);
        Ok(())
    }

    async fn delete(&self, id: &JobId, _attempts: u32) -> Result<(), RuntimeError> {
        self.remove(id, None, None).await
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
