use std::collections::BTreeSet;

use serde_json::Value;

use super::Finding;
use crate::kube::Cluster;
use crate::model::GroupVersionKind;

/// Kinds that csw's own objects are of.
const OURS: &[(&str, &str)] = &[
    ("v1", "ConfigMap"),
    ("v1", "Secret"),
    ("v1", "Service"),
    ("v1", "ServiceAccount"),
    ("v1", "PersistentVolumeClaim"),
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("batch/v1", "Job"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("rbac.authorization.k8s.io/v1", "Role"),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"),
];

/// Whether everything that is needed is served: the kinds of csw's own objects, and those of the objects at hand.
pub(super) async fn kinds(cluster: &Cluster, objects: &[Value], minor: u32) -> Vec<Finding> {
    let mut wanted: BTreeSet<GroupVersionKind> =
        OURS.iter().map(|(version, kind)| GroupVersionKind::new(version, kind)).collect();
    // Both became stable in the releases after the oldest that is supported.
    for (kind, since, group) in [("CronJob", 21, "batch"), ("PodDisruptionBudget", 21, "policy")] {
        let version = if minor == 0 || minor >= since { "v1" } else { "v1beta1" };
        wanted.insert(GroupVersionKind::new(&format!("{group}/{version}"), kind));
    }
    let text = |o: &Value, key: &str| o.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    wanted.extend(objects.iter().map(|o| GroupVersionKind::new(&text(o, "apiVersion"), &text(o, "kind"))));
    match cluster.discover(&wanted, &BTreeSet::new()).await {
        Err(e) => {
            vec![Finding::problem("kinds", e.to_string(), "Ask for the right to use the discovery API")]
        }
        Ok(served) if served.missing.is_empty() => {
            vec![Finding::ok("kinds", format!("all {} kinds that are needed are served", wanted.len()))]
        }
        Ok(served) => served
            .missing
            .iter()
            .map(|m| {
                let advice = match m.served_as.first() {
                    Some(version) => format!("It is served as {version}: write it so for this cluster"),
                    None => "Install what defines it: a CustomResourceDefinition or an API server".to_owned(),
                };
                Finding::problem("kinds", format!("the cluster does not serve {}", m.gvk), advice)
            })
            .collect(),
    }
}
