use super::snapshot::{Kind, Snapshot};
use super::{ClusterJob, JOB_ID_LABEL};
use crate::job::RuntimeError;
use crate::kube::{Cluster, KubeError, Resource};
use crate::model::{GroupVersionKind, JobId};

/// So many ids still fit into a selector; beyond that all jobs are asked for.
const SELECTED: usize = 100;

/// The jobs of one namespace of a cluster; cheap to clone.
#[derive(Debug, Clone)]
pub struct KubernetesJobs {
    pub(super) cluster: Cluster,
    pub(super) namespace: String,
}

impl KubernetesJobs {
    /// The jobs of the namespace that the cluster's access names.
    pub fn new(cluster: Cluster) -> Self {
        let namespace = cluster.namespace().to_owned();
        Self { cluster, namespace }
    }

    /// The namespace.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// All jobs, the oldest first.
    ///
    /// # Errors
    /// When jobs or pods may not be listed.
    pub async fn list(&self) -> Result<Vec<ClusterJob>, RuntimeError> {
        Ok(self.snapshot(JOB_ID_LABEL).await?.all())
    }

    /// These jobs, in this order.
    ///
    /// # Errors
    /// [`RuntimeError::Unknown`] when one isn't there; when jobs or pods may not be listed.
    pub async fn get(&self, ids: &[JobId]) -> Result<Vec<ClusterJob>, RuntimeError> {
        let snapshot = self.snapshot(&selector(ids)).await?;
        ids.iter().map(|id| snapshot.one(id).ok_or_else(|| self.unknown(id))).collect()
    }

    pub(super) fn unknown(&self, id: &JobId) -> RuntimeError {
        RuntimeError::Unknown { id: id.clone(), namespace: self.namespace.clone() }
    }

    /// What a label selector chooses. Complaints are asked for only if a job has yet to end; where they may not be
    /// read, there is less to tell.
    pub(super) async fn snapshot(&self, labels: &str) -> Result<Snapshot, RuntimeError> {
        let by_label = [("labelSelector", labels)];
        let (jobs, pods) =
            futures::try_join!(self.objects(Kind::Job, &by_label), self.objects(Kind::Pod, &by_label))?;
        let mut snapshot = Snapshot::default();
        jobs.into_iter().for_each(|job| snapshot.put(Kind::Job, job));
        pods.into_iter().for_each(|pod| snapshot.put(Kind::Pod, pod));
        if snapshot.has_unfinished() {
            match self.objects(Kind::Event, &[("fieldSelector", COMPLAINTS)]).await {
                Ok(events) => events.into_iter().for_each(|event| snapshot.put(Kind::Event, event)),
                Err(error @ KubeError::Refused { .. }) => tracing::info!(%error, "cannot look at events"),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(snapshot)
    }

    pub(super) async fn objects(
        &self,
        kind: Kind,
        selectors: &[(&str, &str)],
    ) -> Result<Vec<serde_json::Value>, KubeError> {
        self.cluster.list(&resource(kind), Some(&self.namespace), selectors).await
    }

    /// The path of a Kubernetes Job.
    pub(super) fn path(&self, name: &str) -> String {
        resource(Kind::Job).path(Some(&self.namespace), Some(name))
    }
}

/// Warnings about Kubernetes Jobs: that their pods can't be made.
pub(super) const COMPLAINTS: &str = "type=Warning,involvedObject.kind=Job";

/// A label selector for these jobs.
pub(super) fn selector(ids: &[JobId]) -> String {
    if ids.is_empty() || ids.len() > SELECTED {
        return JOB_ID_LABEL.to_owned();
    }
    let ids: Vec<&str> = ids.iter().map(JobId::as_str).collect();
    format!("{JOB_ID_LABEL} in ({})", ids.join(","))
}

pub(super) fn resource(kind: Kind) -> Resource {
    let (version, kind, plural) = match kind {
        Kind::Job => ("batch/v1", "Job", "jobs"),
        Kind::Pod => ("v1", "Pod", "pods"),
        Kind::Event => ("v1", "Event", "events"),
    };
    Resource {
        gvk: GroupVersionKind::new(version, kind),
        plural: plural.to_owned(),
        namespaced: true,
        verbs: Vec::new(),
    }
}
