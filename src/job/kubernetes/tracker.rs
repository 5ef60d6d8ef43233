use std::collections::BTreeSet;

use futures::stream::{BoxStream, SelectAll, StreamExt as _};
use serde_json::Value;

use super::jobs::{COMPLAINTS, resource, selector};
use super::snapshot::{Kind, Snapshot};
use super::{ClusterJob, KubernetesJobs};
use crate::job::RuntimeError;
use crate::kube::{KubeError, Selection, Watched};
use crate::model::JobId;

type Told = (Kind, Result<Watched, KubeError>);

/// Watches jobs: one connection for the Jobs, one for their pods, one for complaints about them.
pub struct Tracker {
    pub(super) snapshot: Snapshot,
    streams: SelectAll<BoxStream<'static, Told>>,
    unsynced: BTreeSet<Kind>,
}

impl std::fmt::Debug for Tracker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tracker").field("unsynced", &self.unsynced).finish_non_exhaustive()
    }
}

impl KubernetesJobs {
    /// Begins to watch these jobs, and returns when all that there is of them has been seen.
    ///
    /// # Errors
    /// When jobs or pods may not be watched, or the cluster can't be reached.
    pub async fn track(&self, ids: &[JobId]) -> Result<Tracker, RuntimeError> {
        // A watch tries for ever: whether there is a cluster at all is found out before.
        let path = resource(Kind::Job).path(Some(&self.namespace), None);
        self.cluster.get_path(&format!("{path}?limit=1"), "list jobs").await?;
        let mut tracker = Tracker {
            snapshot: Snapshot::default(),
            streams: SelectAll::new(),
            unsynced: BTreeSet::from([Kind::Job, Kind::Pod, Kind::Event]),
        };
        for kind in [Kind::Job, Kind::Pod, Kind::Event] {
            let selection = Selection {
                resource: resource(kind),
                namespace: Some(self.namespace.clone()),
                labels: (kind != Kind::Event).then(|| selector(ids)),
                fields: (kind == Kind::Event).then(|| COMPLAINTS.to_owned()),
            };
            tracker.streams.push(self.cluster.watch(selection).map(move |told| (kind, told)).boxed());
        }
        while !tracker.unsynced.is_empty() {
            tracker.next().await?;
        }
        Ok(tracker)
    }
}

impl Tracker {
    /// Waits until something has changed, and takes note of everything that has.
    ///
    /// # Errors
    /// When jobs or pods may not be watched (any more).
    pub async fn changed(&mut self) -> Result<(), RuntimeError> {
        self.next().await
    }

    /// How all watched jobs stand, the oldest first.
    pub fn all(&self) -> Vec<ClusterJob> {
        self.snapshot.all()
    }

    async fn next(&mut self) -> Result<(), RuntimeError> {
        let Some(told) = self.streams.next().await else {
            return std::future::pending().await;
        };
        self.note(told)?;
        // What has already arrived belongs to the same glance.
        while let Some(Some(told)) = futures::FutureExt::now_or_never(self.streams.next()) {
            self.note(told)?;
        }
        Ok(())
    }

    fn note(&mut self, (kind, told): Told) -> Result<(), RuntimeError> {
        match told {
            Ok(Watched::Synced) => {
                self.unsynced.remove(&kind);
            }
            Ok(Watched::Now(object)) => self.snapshot.put(kind, *object),
            Ok(Watched::Gone { name, .. }) => {
                self.snapshot.of(kind).remove(&name);
            }
            Err(error) if kind == Kind::Event => {
                tracing::info!(%error, "cannot look at events");
                self.unsynced.remove(&kind);
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Takes note of objects that were read apart.
    pub(super) fn merge(&mut self, kind: Kind, objects: Vec<Value>) {
        objects.into_iter().for_each(|object| self.snapshot.put(kind, object));
    }
}
