use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::stream::{self, BoxStream, SelectAll, StreamExt as _};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use super::index::{Doomed, Index, Standing};
use super::seen::SeenJob;
use crate::job::kubernetes::KubernetesJobs;
use crate::job::kubernetes::jobs::resource;
use crate::job::kubernetes::manifest::{ATTEMPT_LABEL, JOB_ID_LABEL};
use crate::job::kubernetes::snapshot::Kind;
use crate::job::{AttemptKey, RuntimeError};
use crate::kube::ready::text;
use crate::kube::{DEFAULT_CONCURRENCY, KubeError, Selection, Watched};
use crate::model::JobId;

/// Events that say that a Job's pods can't be made.
const COMPLAINTS: &str = "type=Warning,involvedObject.kind=Job,reason=FailedCreate";

type Told = (Kind, Result<Watched, KubeError>);
type Streams = SelectAll<BoxStream<'static, Told>>;
type Shared = Arc<Mutex<Index>>;

/// An image of the namespace's Jobs that is kept up to date until it is dropped. Connections that break are taken up
/// again, and what happened meanwhile is made up for.
#[derive(Debug)]
pub(in crate::job::kubernetes) struct Live {
    index: Shared,
    _feeder: AbortOnDropHandle<()>,
}

/// Hears of changes to one job.
#[derive(Debug)]
pub(in crate::job::kubernetes) struct Changes {
    id: JobId,
    index: Shared,
    /// Present until dropped.
    receiver: Option<watch::Receiver<()>>,
}

impl Live {
    /// Begins to watch, and returns when everything that there is has been seen.
    pub(in crate::job::kubernetes) async fn start(jobs: &KubernetesJobs) -> Result<Self, RuntimeError> {
        // A watch tries for ever: whether there is a cluster at all is found out before.
        let path = resource(Kind::Job).path(Some(&jobs.namespace), None);
        jobs.cluster.get_path(&format!("{path}?limit=1"), "list jobs").await?;
        let index = Shared::default();
        let mut streams = Streams::new();
        let mut unsynced = vec![Kind::Job, Kind::Pod, Kind::Event];
        for kind in unsynced.clone() {
            let labels = format!("{JOB_ID_LABEL},{ATTEMPT_LABEL}");
            let selection = Selection {
                resource: resource(kind),
                namespace: Some(jobs.namespace.clone()),
                labels: (kind != Kind::Event).then_some(labels),
                fields: (kind == Kind::Event).then(|| COMPLAINTS.to_owned()),
            };
            streams.push(jobs.cluster.watch(selection).map(move |told| (kind, told)).boxed());
        }
        while !unsynced.is_empty() {
            let Some((kind, told)) = streams.next().await else { break };
            match told {
                Ok(Watched::Synced) => unsynced.retain(|k| *k != kind),
                Ok(told) => note(&mut lock(&index), kind, told),
                // Without events there is less to tell.
                Err(error) if kind == Kind::Event => {
                    tracing::info!(%error, "cannot look at events");
                    unsynced.retain(|k| *k != kind);
                }
                Err(error) => return Err(error.into()),
            }
        }
        let feeder = tokio::spawn(feed(jobs.clone(), Arc::clone(&index), streams));
        Ok(Self { index, _feeder: AbortOnDropHandle::new(feeder) })
    }

    /// A Job is about to be made.
    pub(in crate::job::kubernetes) fn expect(&self, key: &AttemptKey) {
        lock(&self.index).expect(key);
    }

    /// It has been made, or not.
    pub(in crate::job::kubernetes) fn settle(&self, key: &AttemptKey, made: bool) {
        lock(&self.index).settle(key, made);
    }

    pub(in crate::job::kubernetes) fn standing(&self, key: &AttemptKey) -> Standing {
        lock(&self.index).standing(key)
    }

    pub(in crate::job::kubernetes) fn waits(&self, key: &AttemptKey) -> Option<String> {
        lock(&self.index).waits(key)
    }

    pub(in crate::job::kubernetes) fn list(&self) -> Vec<AttemptKey> {
        lock(&self.index).list()
    }

    pub(in crate::job::kubernetes) fn put_away(&self, key: &AttemptKey) {
        lock(&self.index).put_away(key);
    }

    pub(in crate::job::kubernetes) fn doom(&self, id: &JobId, name: Option<&str>) -> Vec<Doomed> {
        lock(&self.index).doom(id, name)
    }

    pub(in crate::job::kubernetes) fn left(&self, id: &JobId, doomed: &[Doomed]) -> Vec<String> {
        lock(&self.index).left(id, doomed)
    }

    pub(in crate::job::kubernetes) fn last_log(&self, key: &AttemptKey) -> Option<(String, String)> {
        lock(&self.index).last_log(key)
    }

    pub(in crate::job::kubernetes) fn changes(&self, id: &JobId) -> Changes {
        let receiver = Some(lock(&self.index).subscribe(id));
        Changes { id: id.clone(), index: Arc::clone(&self.index), receiver }
    }

    /// Takes note of pods that were read apart.
    pub(in crate::job::kubernetes) async fn look_at_pods(
        &self,
        jobs: &KubernetesJobs,
        id: &JobId,
    ) -> Result<(), KubeError> {
        let labels = format!("{JOB_ID_LABEL}={id}");
        let pods = jobs.objects(Kind::Pod, &[("labelSelector", &labels)]).await?;
        let mut index = lock(&self.index);
        pods.iter().for_each(|pod| index.put_pod(text(pod, "/metadata/name"), pod));
        Ok(())
    }
}

impl Changes {
    /// Returns when something has changed since the last call, or since the beginning.
    pub(in crate::job::kubernetes) async fn next(&mut self) {
        match &mut self.receiver {
            // The sender stays as long as there is a receiver.
            Some(receiver) => drop(receiver.changed().await),
            None => std::future::pending().await,
        }
    }
}

impl Drop for Changes {
    fn drop(&mut self) {
        // Before the look at who is left.
        self.receiver = None;
        lock(&self.index).unsubscribed(&self.id);
    }
}

async fn feed(jobs: KubernetesJobs, index: Shared, mut streams: Streams) {
    while let Some((kind, told)) = streams.next().await {
        match told {
            // The list was read anew: what came and went in between is in none.
            Ok(Watched::Synced) if kind == Kind::Job => verify(&jobs, &index).await,
            Ok(told) => note(&mut lock(&index), kind, told),
            Err(error) => tracing::warn!(%error, "what becomes of jobs is not seen at the moment"),
        }
    }
}

/// Looks whether Jobs that were made and not told of are there at all.
async fn verify(jobs: &KubernetesJobs, index: &Shared) {
    let unseen = lock(index).unseen();
    let looked = stream::iter(unseen).map(|(id, name)| async move {
        let found = jobs.cluster.get_path(&jobs.path(&name), &format!("read job {name}")).await;
        (id, name, found)
    });
    let mut looked = looked.buffer_unordered(DEFAULT_CONCURRENCY);
    while let Some((id, name, found)) = looked.next().await {
        match found {
            Ok(job) => {
                if let Some(job) = SeenJob::read(&job) {
                    lock(index).put_job(&name, job);
                }
            }
            Err(error) if error.is_not_found() => lock(index).unexpect(&id, &name),
            // It is looked at again with the next list.
            Err(error) => tracing::info!(%error, "cannot see whether a job is there"),
        }
    }
}

fn note(index: &mut Index, kind: Kind, told: Watched) {
    match told {
        Watched::Now(object) => {
            let name = text(&object, "/metadata/name");
            match kind {
                Kind::Job => {
                    if let Some(job) = SeenJob::read(&object) {
                        index.put_job(name, job);
                    }
                }
                Kind::Pod => index.put_pod(name, &object),
                Kind::Event => index.put_complaint(name, &object),
            }
        }
        Watched::Gone { name, .. } => match kind {
            Kind::Job => index.job_gone(&name),
            Kind::Pod => index.pod_gone(&name),
            Kind::Event => index.complaint_gone(&name),
        },
        Watched::Synced => {}
    }
}

fn lock(index: &Mutex<Index>) -> MutexGuard<'_, Index> {
    index.lock().unwrap_or_else(PoisonError::into_inner)
}
