//! What Kubernetes does not do by itself once what was wrong is corrected.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{ClusterSink, SinkError};
use crate::kube::ready::{condition, items, number, text};
use crate::kube::{Dependents, KubeError, Resource};
use crate::model::{GroupVersionKind, ObjectRef};

/// How long a controller is given to see what was applied.
const SEEN: Duration = Duration::from_secs(10);
/// Between looks at whether it has.
const PAUSE: Duration = Duration::from_millis(200);
/// Annotation of a Deployment's pods: when they were made anew.
const RESTARTED: &str = "csw.compute.studio/restarted";

/// What was done to an object, or has to be done by somebody who may.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Repair {
    /// The object.
    pub object: ObjectRef,
    /// A sentence.
    pub what: String,
}

impl ClusterSink {
    /// Does for objects that were applied what Kubernetes leaves undone: a StatefulSet's pod of an earlier version that
    /// never gets ready keeps its successor from coming, and a Deployment past its deadline may try again only after
    /// many minutes. Where that is not allowed, the command is told.
    ///
    /// # Errors
    /// When the cluster can't be asked.
    pub async fn repair(&self, applied: &[(ObjectRef, Resource)]) -> Result<Vec<Repair>, SinkError> {
        let mut repairs = Vec::new();
        for (object, resource) in applied {
            match object.gvk.group_kind().as_str() {
                "StatefulSet.apps" => {
                    if let Some(set) = self.once_observed(object, resource).await? {
                        repairs.extend(self.free_the_way(object, &set).await?);
                    }
                }
                "Deployment.apps" => {
                    if let Some(live) = self.once_observed(object, resource).await?
                        && is_past_deadline(&live)
                    {
                        repairs.push(self.restart(object, resource).await?);
                    }
                }
                _ => {}
            }
        }
        Ok(repairs)
    }

    /// The object when its controller has seen what was applied; nothing if it is gone, or if that takes too long.
    async fn once_observed(
        &self,
        object: &ObjectRef,
        resource: &Resource,
    ) -> Result<Option<Value>, SinkError> {
        let late = Instant::now() + SEEN;
        loop {
            let Some(live) = self.cluster.get(resource, object).await? else { return Ok(None) };
            let generation = number(&live, "/metadata/generation").unwrap_or(0);
            if number(&live, "/status/observedGeneration").unwrap_or(0) >= generation {
                return Ok(Some(live));
            }
            if Instant::now() >= late {
                return Ok(None);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Deletes pods of an earlier version that are not ready: the controller waits for them for ever.
    async fn free_the_way(&self, object: &ObjectRef, set: &Value) -> Result<Vec<Repair>, SinkError> {
        let namespace = object.namespace.as_deref();
        let labels: Vec<String> = set
            .pointer("/spec/selector/matchLabels")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
            .collect();
        if text(set, "/spec/updateStrategy/type") == "OnDelete" || labels.is_empty() {
            return Ok(Vec::new());
        }
        let pods = pods();
        let found = self.cluster.list(&pods, namespace, &[("labelSelector", &labels.join(","))]).await?;
        let mut repairs = Vec::new();
        for pod in found.iter().filter(|pod| is_in_the_way(set, pod)) {
            let name = text(pod, "/metadata/name");
            let one = ObjectRef {
                gvk: pods.gvk.clone(),
                namespace: object.namespace.clone(),
                name: name.to_owned(),
            };
            let uid = text(pod, "/metadata/uid");
            let done = self.cluster.delete(&pods, &one, uid, Dependents::Later).await;
            let what = match told(done.map(drop))? {
                None => format!(
                    "deleted its pod {name} of the version before, which was not ready: a new one comes"
                ),
                Some(refusal) => format!(
                    "its pod {name} of the version before is not ready and keeps the new one from coming ({refusal}): \
                     `kubectl -n {} delete pod {name}`",
                    namespace.unwrap_or_default()
                ),
            };
            repairs.push(Repair { object: object.clone(), what });
        }
        Ok(repairs)
    }

    /// Makes the pods of a Deployment anew, as `kubectl rollout restart` does.
    async fn restart(&self, object: &ObjectRef, resource: &Resource) -> Result<Repair, SinkError> {
        let now = Timestamp::now().to_string();
        let patch = json!({"spec": {"template": {"metadata": {"annotations": {RESTARTED: now}}}}});
        let path = resource.object_path(object);
        let done = self.cluster.merge_patch(&path, &patch, &format!("restart {object}")).await;
        let what = match told(done.map(drop))? {
            None => "was past its deadline: its pods are made anew".to_owned(),
            Some(refusal) => format!(
                "is past its deadline and may take minutes to try again ({refusal}): \
                 `kubectl -n {} rollout restart deployment {}`",
                object.namespace.as_deref().unwrap_or_default(),
                object.name
            ),
        };
        Ok(Repair { object: object.clone(), what })
    }
}

/// The server's words where it does not allow something.
fn told(done: Result<(), KubeError>) -> Result<Option<String>, SinkError> {
    match done {
        Ok(()) => Ok(None),
        Err(KubeError::Refused { refusal, .. }) => Ok(Some(refusal.to_string())),
        Err(error) => Err(error.into()),
    }
}

fn is_in_the_way(set: &Value, pod: &Value) -> bool {
    let revision = text(set, "/status/updateRevision");
    let own = text(pod, "/metadata/labels/controller-revision-hash");
    let ours = items(pod, "/metadata/ownerReferences")
        .any(|owner| !text(owner, "/uid").is_empty() && text(owner, "/uid") == text(set, "/metadata/uid"));
    let ready = condition(pod, "Ready").is_some_and(|c| text(c, "/status") == "True");
    ours && !ready
        && text(pod, "/metadata/deletionTimestamp").is_empty()
        && !revision.is_empty()
        && !own.is_empty()
        && own != revision
}

fn is_past_deadline(deployment: &Value) -> bool {
    condition(deployment, "Progressing")
        .is_some_and(|c| text(c, "/status") == "False" && text(c, "/reason") == "ProgressDeadlineExceeded")
}

fn pods() -> Resource {
    Resource {
        gvk: GroupVersionKind::new("v1", "Pod"),
        plural: "pods".to_owned(),
        namespaced: true,
        verbs: Vec::new(),
    }
}
