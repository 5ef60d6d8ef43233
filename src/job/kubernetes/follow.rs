use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt as _};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::jobs::selector;
use super::pod_log::{Delivered, container, has_ended, has_started};
use super::snapshot::Kind;
use super::{Hindrance, KubernetesJobs, Tracker, describe};
use crate::job::RuntimeError;
use crate::kube::ready::text;
use crate::kube::{LogLine, LogRange};
use crate::model::JobId;

/// A connection that says nothing for so long after its container has ended has died.
const SILENCE: Duration = Duration::from_secs(5);
/// Waits between the attempts at a log that can't be read.
const PAUSE: Duration = Duration::from_millis(300);
/// So often a log that is complete is asked for in vain.
const ATTEMPTS: usize = 10;

/// What a follower hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogEvent {
    /// Of the log.
    Bytes(Bytes),
    /// About the job, for a person: why it is pending, that it is tried again.
    Note(String),
}

/// What is followed.
#[derive(Debug, Clone)]
pub(super) enum Scope {
    /// The job from its present pod on, whatever comes.
    FromNow(JobId),
    /// All of one Kubernetes Job of it.
    Whole { id: JobId, name: String },
}

type Told = Result<LogEvent, RuntimeError>;

impl KubernetesJobs {
    /// The job's log from its present pod on, over pods that come later, until the job has ended; waits for the first
    /// one. Connections that break are taken up again where they broke.
    ///
    /// # Errors
    /// [`RuntimeError::Unknown`] when there is no such job.
    pub async fn follow(&self, id: &JobId) -> Result<BoxStream<'static, Told>, RuntimeError> {
        self.start(Scope::FromNow(id.clone())).await
    }

    /// The log of the job's last pod as it is now.
    ///
    /// # Errors
    /// [`RuntimeError::Unknown`] when there is no such job.
    pub async fn log(&self, id: &JobId) -> Result<BoxStream<'static, Told>, RuntimeError> {
        let snapshot = self.snapshot(&selector(std::slice::from_ref(id))).await?;
        let jobs = snapshot.jobs_of(id);
        let told = snapshot.one(id).ok_or_else(|| self.unknown(id))?;
        let pods = jobs.iter().rev().flat_map(|job| snapshot.pods_of(job).into_iter().rev());
        match pods.filter(|p| has_started(p)).max_by_key(|p| describe::created(p)) {
            Some(pod) => Ok(self.present(pod).await?.map(|line| Ok(LogEvent::Bytes(line?))).boxed()),
            None => {
                let reason = told.job.reason.unwrap_or_else(|| "its pods are gone".into());
                let note = format!("job {id} has no log: it is {}: {reason}", told.job.status);
                Ok(futures::stream::iter([Ok(LogEvent::Note(note))]).boxed())
            }
        }
    }

    /// A pod's log as it is now.
    pub(super) async fn present(
        &self,
        pod: &Value,
    ) -> Result<BoxStream<'static, Result<Bytes, RuntimeError>>, RuntimeError> {
        let name = text(pod, "/metadata/name").to_owned();
        let lines =
            self.cluster.log_lines(&self.namespace, &name, container(pod), LogRange::default()).await?;
        Ok(lines
            .filter(|line| std::future::ready(!line.as_ref().is_ok_and(LogLine::is_excuse)))
            .map(move |line| match line {
                Ok(line) => Ok(line.bytes.into()),
                Err(source) => Err(RuntimeError::Log { pod: name.clone(), source }),
            })
            .boxed())
    }

    pub(super) async fn start(&self, scope: Scope) -> Result<BoxStream<'static, Told>, RuntimeError> {
        let (Scope::FromNow(id) | Scope::Whole { id, .. }) = &scope;
        let tracker = self.track(std::slice::from_ref(id)).await?;
        let (sender, receiver) = mpsc::channel(64);
        let mut follower = Follower { jobs: self.clone(), tracker, scope, done: BTreeSet::new(), sender };
        if follower.kubernetes_jobs().is_empty() {
            let (Scope::FromNow(id) | Scope::Whole { id, .. }) = &follower.scope;
            return Err(self.unknown(id));
        }
        tokio::spawn(async move {
            if let Err(error) = follower.run().await {
                // A reader that has gone doesn't mind.
                drop(follower.sender.send(Err(error)).await);
            }
        });
        Ok(futures::stream::unfold(receiver, |mut r| async { r.recv().await.map(|told| (told, r)) }).boxed())
    }
}

struct Follower {
    jobs: KubernetesJobs,
    tracker: Tracker,
    scope: Scope,
    /// Pods whose log is delivered, or not wanted.
    done: BTreeSet<String>,
    sender: mpsc::Sender<Told>,
}

impl Follower {
    fn kubernetes_jobs(&self) -> Vec<&Value> {
        match &self.scope {
            Scope::FromNow(id) => self.tracker.snapshot.jobs_of(id),
            Scope::Whole { name, .. } => self.tracker.snapshot.job(name).into_iter().collect(),
        }
    }

    /// The pods in the order in which they are told.
    fn pods(&self) -> Vec<&Value> {
        let jobs = self.kubernetes_jobs();
        jobs.iter().flat_map(|job| self.tracker.snapshot.pods_of(job)).collect()
    }

    async fn run(&mut self) -> Result<(), RuntimeError> {
        if let (Scope::FromNow(_), [earlier @ .., _]) = (&self.scope, &self.pods()[..]) {
            self.done = earlier.iter().map(|p| text(p, "/metadata/name").to_owned()).collect();
        }
        let mut said = None;
        let mut sure = false;
        loop {
            if self.sender.is_closed() {
                return Ok(());
            }
            let next = self
                .pods()
                .into_iter()
                .find(|p| has_started(p) && !self.done.contains(text(p, "/metadata/name")));
            if let Some(pod) = next.map(|p| text(p, "/metadata/name").to_owned()) {
                self.stream(&pod).await?;
                self.done.insert(pod);
                sure = false;
                continue;
            }
            let jobs = self.kubernetes_jobs();
            let Some(last) = jobs.last() else {
                let (Scope::FromNow(id) | Scope::Whole { id, .. }) = &self.scope;
                note(&self.sender, format!("job {id} was deleted")).await;
                return Ok(());
            };
            if describe::has_ended(last) {
                if sure {
                    return Ok(());
                }
                // What is told of pods may lag behind what is told of Jobs.
                let (Scope::FromNow(id) | Scope::Whole { id, .. }) = &self.scope;
                let labels = selector(std::slice::from_ref(id));
                let pods = self.jobs.objects(Kind::Pod, &[("labelSelector", &labels)]).await?;
                self.tracker.merge(Kind::Pod, pods);
                sure = true;
                continue;
            }
            let (Scope::FromNow(id) | Scope::Whole { id, .. }) = &self.scope;
            let told = self.tracker.snapshot.one(id);
            if let Some(Hindrance { cause, for_good: true }) = told.as_ref().and_then(|j| j.hindrance.clone())
            {
                return Err(RuntimeError::Hindered { id: id.clone(), why: cause });
            }
            let reason = told.and_then(|j| j.job.reason);
            if let Some(reason) = reason.filter(|r| said.as_ref() != Some(r)) {
                note(&self.sender, reason.clone()).await;
                said = Some(reason);
            }
            tokio::select! {
                changed = self.tracker.changed() => changed?,
                () = self.sender.closed() => return Ok(()),
            }
        }
    }

    /// Whether the pod's log is complete.
    fn has_ended(&self, pod: &str) -> bool {
        self.tracker.snapshot.pod(pod).is_none_or(has_ended)
    }

    /// Delivers the whole log of a pod. That it is complete is believed only of a log that was asked for after the
    /// container had ended: a stream may end for other reasons.
    async fn stream(&mut self, pod: &str) -> Result<(), RuntimeError> {
        let name = self.tracker.snapshot.pod(pod).map(container).unwrap_or_default().to_owned();
        let mut delivered = Delivered::default();
        let mut failures = 0;
        loop {
            if self.sender.is_closed() {
                return Ok(());
            }
            let ended = self.has_ended(pod);
            let range = LogRange { follow: !ended, since: delivered.reconnect(), tail_lines: None };
            let whole = match self.jobs.cluster.log_lines(&self.jobs.namespace, pod, &name, range).await {
                Ok(lines) => self.pass_on(pod, lines, &mut delivered, ended).await?,
                Err(error) if error.is_not_found() => {
                    note(&self.sender, format!("pod {pod} is gone, and the rest of its log with it")).await;
                    return Ok(());
                }
                Err(error) => {
                    tracing::info!(%error, "reading the log again");
                    failures += usize::from(ended);
                    if failures >= ATTEMPTS {
                        return Err(error.into());
                    }
                    false
                }
            };
            if whole && ended {
                return Ok(());
            }
            if ended || !whole || !self.has_ended(pod) {
                // Told of the end it goes on at once, of anything else after a pause.
                let pause = tokio::time::sleep(PAUSE);
                tokio::pin!(pause);
                loop {
                    tokio::select! {
                        () = &mut pause => break,
                        changed = self.tracker.changed() => changed?,
                    }
                    if !ended && self.has_ended(pod) {
                        break;
                    }
                }
            }
        }
    }

    /// Delivers what is new; whether the stream has come to its proper end.
    async fn pass_on(
        &mut self,
        pod: &str,
        mut lines: BoxStream<'static, std::io::Result<LogLine>>,
        delivered: &mut Delivered,
        ended: bool,
    ) -> Result<bool, RuntimeError> {
        let mut heard = Instant::now();
        loop {
            let watching = !ended && !self.has_ended(pod);
            let line = tokio::select! {
                line = lines.next() => line,
                changed = self.tracker.changed(), if watching => {
                    changed?;
                    continue;
                }
                () = tokio::time::sleep_until(heard + SILENCE), if !ended && !watching => return Ok(false),
                () = self.sender.closed() => return Ok(true),
            };
            heard = Instant::now();
            match line {
                None => return Ok(true),
                Some(Err(error)) => {
                    tracing::info!(%error, pod, "the log's connection broke");
                    return Ok(false);
                }
                Some(Ok(line)) if line.is_excuse() => {
                    let words = String::from_utf8_lossy(&line.bytes);
                    note(&self.sender, format!("the node has no log of pod {pod}: {}", words.trim_end()))
                        .await;
                }
                // Half a line comes again as a whole one.
                Some(Ok(line)) if !ended && !line.bytes.ends_with(b"\n") => {}
                Some(Ok(line)) => {
                    if delivered.take(&line)
                        && self.sender.send(Ok(LogEvent::Bytes(line.bytes.into()))).await.is_err()
                    {
                        return Ok(true);
                    }
                }
            }
        }
    }
}

async fn note(sender: &mpsc::Sender<Told>, text: String) {
    // A reader that has gone is noticed by the loop.
    drop(sender.send(Ok(LogEvent::Note(text))).await);
}
