use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Finding;
use crate::kube::Cluster;
use crate::kube::observer::builtin;
use crate::model::{GroupVersionKind, ObjectRef};

/// The spec of an object's pods, wherever its kind keeps it.
pub(super) fn pod_spec(object: &Value) -> Option<&Value> {
    match object.get("kind").and_then(Value::as_str)? {
        "Pod" => object.get("spec"),
        "CronJob" => object.pointer("/spec/jobTemplate/spec/template/spec"),
        "Deployment" | "StatefulSet" | "DaemonSet" | "Job" | "ReplicaSet" => {
            object.pointer("/spec/template/spec")
        }
        _ => None,
    }
}

/// The specs of all pods that there will be of an object; a ConfigMap may hold the template of Jobs.
pub fn pod_specs(object: &Value) -> Vec<Value> {
    let template = object.pointer("/data/job.yaml").and_then(Value::as_str);
    let job = template.and_then(|text| serde_saphyr::from_str::<Value>(text).ok());
    let job = job.as_ref().and_then(pod_spec);
    pod_spec(object).into_iter().chain(job).cloned().collect()
}

/// `Deployment scheduler`
pub(super) fn name(object: &Value) -> String {
    let text = |p: &str| object.pointer(p).and_then(Value::as_str).unwrap_or_default();
    format!("{} {}", text("/kind"), text("/metadata/name"))
}

/// Whether the secrets for pulling images that pods and service accounts name are there, and are such secrets.
pub(super) async fn check(cluster: &Cluster, objects: &[Value]) -> Vec<Finding> {
    let mut wanted: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for object in objects {
        let own = object.get("kind").and_then(Value::as_str) == Some("ServiceAccount");
        let holder = if own { Some(object) } else { pod_spec(object) };
        let named =
            holder.and_then(|h| h.get("imagePullSecrets")).and_then(Value::as_array).into_iter().flatten();
        let namespace =
            object.pointer("/metadata/namespace").and_then(Value::as_str).unwrap_or(cluster.namespace());
        for secret in named.filter_map(|s| s.get("name")?.as_str()) {
            wanted.entry((namespace.to_owned(), secret.to_owned())).or_default().insert(name(object));
        }
    }
    let made: BTreeSet<String> = objects
        .iter()
        .filter(|o| o.get("kind").and_then(Value::as_str) == Some("Secret"))
        .filter_map(|o| o.pointer("/metadata/name")?.as_str().map(str::to_owned))
        .collect();
    let mut findings = Vec::new();
    let total = wanted.len();
    for ((namespace, secret), users) in wanted {
        let object = ObjectRef {
            gvk: GroupVersionKind::new("v1", "Secret"),
            namespace: Some(namespace.clone()),
            name: secret.clone(),
        };
        let users = users.into_iter().collect::<Vec<_>>().join(", ");
        match cluster.get(&builtin("v1", "Secret", "secrets", true), &object).await {
            Ok(None) if made.contains(&secret) => {}
            Ok(None) => findings.push(Finding::problem(
                "image pull secrets",
                format!("there is no Secret {namespace}/{secret}, with which {users} would pull images"),
                format!("Make it: `kubectl -n {namespace} create secret docker-registry {secret} …`"),
            )),
            Ok(Some(live)) => {
                let kind = live.get("type").and_then(Value::as_str).unwrap_or_default();
                if !matches!(kind, "kubernetes.io/dockerconfigjson" | "kubernetes.io/dockercfg") {
                    findings.push(Finding::problem(
                        "image pull secrets",
                        format!("the Secret {namespace}/{secret} is of the type {kind}, which no image is pulled with"),
                        format!("Make it with `kubectl -n {namespace} create secret docker-registry {secret} …`"),
                    ));
                }
            }
            Err(e) => findings.push(Finding::warning(
                "image pull secrets",
                e.to_string(),
                "Ask for the right to read secrets",
            )),
        }
    }
    if findings.is_empty() && total > 0 {
        findings.push(Finding::ok("image pull secrets", format!("all {total} are there")));
    }
    findings
}
