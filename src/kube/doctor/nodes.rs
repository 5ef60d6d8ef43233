use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Finding;
use super::place::{Lack, Place};
use super::pull_secrets::{name, pod_specs};
use crate::kube::Cluster;
use crate::kube::observer::builtin;

/// Whether there are nodes that take pods, and one for the pods of every object.
pub(super) async fn check(cluster: &Cluster, objects: &[Value]) -> Vec<Finding> {
    match nodes(cluster).await {
        Ok(nodes) => judge(&nodes, objects),
        Err(finding) => vec![finding],
    }
}

/// Only what keeps pods of these objects from every node there is.
pub(super) async fn unplaced(cluster: &Cluster, objects: &[Value]) -> Vec<Finding> {
    nodes(cluster).await.map_or_else(|_| Vec::new(), |nodes| lacks(&nodes, objects))
}

async fn nodes(cluster: &Cluster) -> Result<Vec<Value>, Finding> {
    cluster.list(&builtin("v1", "Node", "nodes", false), None, &[]).await.map_err(|e| {
        Finding::warning(
            "nodes",
            format!("nodes can't be looked at: {e}"),
            "Ask for the right to list nodes, or ask an administrator which labels they carry",
        )
    })
}

fn judge(nodes: &[Value], objects: &[Value]) -> Vec<Finding> {
    let fit: Vec<&Value> = nodes.iter().filter(|n| takes_pods(n)).collect();
    let mut findings = Vec::new();
    if fit.is_empty() {
        findings.push(Finding::problem(
            "nodes",
            format!("none of the {} nodes takes pods", nodes.len()),
            "See `kubectl get nodes`: add one, uncordon one, or look at its kubelet",
        ));
    } else if fit.len() < nodes.len() {
        findings.push(Finding::warning(
            "nodes",
            format!("{} of {} nodes take pods", fit.len(), nodes.len()),
            "See `kubectl get nodes` for those that are not ready or cordoned",
        ));
    } else {
        findings.push(Finding::ok("nodes", format!("{} ready", fit.len())));
    }
    findings.extend(lacks(nodes, objects));
    findings
}

/// What no node has that pods want; one finding for all that want the same.
fn lacks(nodes: &[Value], objects: &[Value]) -> Vec<Finding> {
    let places: Vec<Place> = nodes.iter().map(Place::of).collect();
    let mut unmet: BTreeMap<(Lack, String), BTreeSet<String>> = BTreeMap::new();
    if places.is_empty() {
        return Vec::new();
    }
    for object in objects {
        for spec in pod_specs(object) {
            let lacks: Option<Vec<Lack>> = places.iter().map(|place| place.lack(&spec)).collect();
            // The node that has the most of what is wanted is the one to be changed.
            if let Some(lack) = lacks.and_then(|lacks| lacks.into_iter().max()) {
                let advice = lack.advice(object);
                unmet.entry((lack, advice)).or_default().insert(name(object));
            }
        }
    }
    unmet
        .into_iter()
        .map(|((lack, advice), users)| {
            let users = users.into_iter().collect::<Vec<_>>().join(", ");
            Finding::problem(lack.check(), lack.message(&users), advice)
        })
        .collect()
}

fn takes_pods(node: &Value) -> bool {
    let ready = node.pointer("/status/conditions").and_then(Value::as_array).into_iter().flatten().any(|c| {
        c.get("type").and_then(Value::as_str) == Some("Ready")
            && c.get("status").and_then(Value::as_str) == Some("True")
    });
    ready && !node.pointer("/spec/unschedulable").and_then(Value::as_bool).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kube::doctor::Level;
    use serde_json::json;

    fn node(labels: Value, taints: Value) -> Value {
        json!({"metadata": {"labels": labels}, "spec": {"taints": taints},
            "status": {"conditions": [{"type": "Ready", "status": "True"}], "allocatable": {"cpu": "4", "memory": "8Gi"}}})
    }

    fn deployment(name: &str, component: &str, spec: Value) -> Value {
        json!({"kind": "Deployment", "spec": {"template": {"spec": spec}}, "metadata": {"name": name, "labels":
            {"app.kubernetes.io/part-of": "csw", "app.kubernetes.io/component": component}, "annotations": {"csw/model": "Me/Dice"}}})
    }

    fn told(nodes: &[Value], object: Value) -> (String, String) {
        match &*lacks(nodes, &[object]) {
            [] => (String::new(), String::new()),
            [one] => (one.message.clone(), one.advice.clone().unwrap_or_default()),
            more => panic!("{more:?}"),
        }
    }

    #[test]
    fn a_selector_that_no_node_meets_is_found_with_the_setting() {
        let nodes = [node(json!({"component": "model"}), json!([]))];
        let wants = |component: &str, role: &str| {
            deployment("d", role, json!({"nodeSelector": {"component": component}}))
        };
        let (message, advice) = told(&nodes, wants("api", "scheduler"));
        assert_eq!(message, "no node carries component=api, which Deployment d wants");
        assert!(advice.contains("kubectl label node NAME component=api"), "{advice}");
        assert!(
            advice.contains("csw.yaml") && advice.contains("kubernetes: {node_selectors: {services: {}}}"),
            "{advice}"
        );
        assert!(told(&nodes, wants("api", "dask-worker")).1.contains("{models: {}}"));
        assert_eq!(told(&nodes, wants("model", "scheduler")).0, "");
        let foreign = json!({"kind": "Deployment", "metadata": {"name": "d"}, "spec": {"template": {"spec": {"nodeSelector": {"a": "b"}}}}});
        assert!(!told(&nodes, foreign).1.contains("csw.yaml"));
        assert_eq!(judge(&[], &[])[0].level, Level::Problem);
    }

    #[test]
    fn taints_and_sizes_are_found_where_labels_are_right() {
        let taint = json!([{"key": "dedicated", "value": "x", "effect": "NoSchedule"}, {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}]);
        let nodes = [node(json!({"a": "b"}), taint), node(json!({}), json!([]))];
        let spec = |tolerations: Value, cpu: &str| {
            json!({"nodeSelector": {"a": "b"}, "tolerations": tolerations,
            "containers": [{"resources": {"requests": {"cpu": cpu}, "limits": {"cpu": "64"}}}, {"resources": {"limits": {"memory": "1Gi"}}}],
            "initContainers": [{"resources": {"requests": {"cpu": "1"}}}]})
        };
        let (message, advice) = told(&nodes, deployment("d", "job", spec(json!([]), "1")));
        assert_eq!(
            message,
            "every node that would do has the taint dedicated=x:NoSchedule, which Deployment d does not tolerate"
        );
        assert!(
            advice.contains("kubernetes: {tolerations: {models: [{key: dedicated, operator: Exists}]}}"),
            "{advice}"
        );
        for toleration in [
            json!({"operator": "Exists"}),
            json!({"key": "dedicated", "value": "x"}),
            json!({"key": "dedicated", "operator": "Exists", "effect": "NoSchedule"}),
        ] {
            assert_eq!(
                told(&nodes, deployment("d", "job", spec(json!([toleration]), "4"))).0,
                "",
                "{toleration}"
            );
        }
        for toleration in [
            json!({"key": "dedicated", "value": "y"}),
            json!({"operator": "Exists", "effect": "NoExecute"}),
            json!({"key": "other", "operator": "Exists"}),
        ] {
            assert_ne!(
                told(&nodes, deployment("d", "job", spec(json!([toleration]), "4"))).0,
                "",
                "{toleration}"
            );
        }
        let (message, advice) =
            told(&nodes, deployment("d", "job", spec(json!([{"operator": "Exists"}]), "4500m")));
        assert_eq!(message, "no node that would do has cpu of 4500m, which Deployment d wants");
        assert!(advice.contains("`resources` in the file of Me/Dice"), "{advice}");
        let gpu = json!({"containers": [{"resources": {"limits": {"nvidia.com/gpu": "1"}}}]});
        assert_eq!(
            told(&nodes, deployment("d", "job", gpu)).0,
            "no node that would do has nvidia.com/gpu of 1, which Deployment d wants"
        );
    }

    #[test]
    fn the_jobs_that_a_template_will_make_are_looked_at() {
        let job = "kind: Job\nspec: {template: {spec: {nodeSelector: {size: large}}}}\n";
        let map = json!({"kind": "ConfigMap", "metadata": {"name": "me-dice-job", "labels": {"app.kubernetes.io/part-of": "csw",
            "app.kubernetes.io/component": "job-template"}}, "data": {"job.yaml": job}});
        let (message, advice) = told(&[node(json!({}), json!([]))], map);
        assert_eq!(message, "no node carries size=large, which ConfigMap me-dice-job wants");
        assert!(advice.contains("models"), "{advice}");
    }
}
