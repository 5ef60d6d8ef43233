use serde_json::Value;

use super::lookup::text;
use super::{
    Surroundings, Verdict, cron_job, daemon_set, deployment, generic, job, pod, pvc, service, stateful_set,
};
use crate::model::GroupVersionKind;

/// How far an object is, in the light of what is around it.
pub fn assess(gvk: &GroupVersionKind, object: &Value, around: &Surroundings) -> Verdict {
    if !text(object, "/metadata/deletionTimestamp").is_empty() {
        return Verdict::Waiting("is being deleted".into());
    }
    match (gvk.group.as_str(), gvk.kind.as_str()) {
        ("apps", "Deployment") => deployment::assess(object, around),
        ("apps", "StatefulSet") => stateful_set::assess(object, around),
        ("apps", "DaemonSet") => daemon_set::assess(object, around),
        ("batch", "Job") => job::assess(object, around),
        ("batch", "CronJob") => cron_job::assess(object),
        ("", "Pod") => pod::assess(object, around),
        ("", "Service") => service::assess(object),
        ("", "PersistentVolumeClaim") => pvc::assess(object, around),
        ("", "Namespace") => generic::namespace(object),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => generic::definition(object),
        _ => generic::assess(object),
    }
}

/// Whether objects of a kind are ready by being there, so that nobody has to look.
pub fn trivially_ready(gvk: &GroupVersionKind) -> bool {
    matches!(
        gvk.kind.as_str(),
        "ConfigMap"
            | "Secret"
            | "ServiceAccount"
            | "Role"
            | "RoleBinding"
            | "ClusterRole"
            | "ClusterRoleBinding"
            | "NetworkPolicy"
            | "ResourceQuota"
            | "LimitRange"
            | "PriorityClass"
            | "StorageClass"
    )
}

/// Whether objects of a kind have pods whose state tells more than they do themselves.
pub fn has_pods(gvk: &GroupVersionKind) -> bool {
    matches!(gvk.kind.as_str(), "Deployment" | "StatefulSet" | "DaemonSet" | "Job" | "Pod" | "ReplicaSet")
}
