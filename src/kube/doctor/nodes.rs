use std::collections::BTreeMap;

use serde_json::Value;

use super::Finding;
use super::pull_secrets::{name, pod_spec};
use crate::kube::Cluster;
use crate::kube::observer::builtin;

/// Whether there are nodes that take pods, and one for every node selector.
pub(super) async fn check(cluster: &Cluster, objects: &[Value]) -> Vec<Finding> {
    let resource = builtin("v1", "Node", "nodes", false);
    match cluster.list(&resource, None, &[]).await {
        Ok(nodes) => judge(&nodes, objects),
        Err(e) => vec![Finding::warning(
            "nodes",
            format!("nodes can't be looked at: {e}"),
            "Ask for the right to list nodes, or ask an administrator which labels they carry",
        )],
    }
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
    let mut unmet: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for object in objects {
        let Some(selector) = pod_spec(object)
            .and_then(|s| s.get("nodeSelector"))
            .and_then(Value::as_object)
            .filter(|s| !s.is_empty())
        else {
            continue;
        };
        let met = nodes.iter().any(|n| {
            let labels = n.pointer("/metadata/labels");
            selector.iter().all(|(k, v)| labels.and_then(|l| l.get(k)) == Some(v))
        });
        if !met {
            let words: Vec<String> =
                selector.iter().map(|(k, v)| format!("{k}={}", v.as_str().unwrap_or_default())).collect();
            unmet.entry(words.join(",")).or_default().push(name(object));
        }
    }
    for (selector, users) in unmet {
        findings.push(Finding::problem(
            "node selectors",
            format!("no node carries {selector}, which {} wants", users.join(", ")),
            format!("Label one: `kubectl label node NAME {}`", selector.replace(',', " ")),
        ));
    }
    findings
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

    #[test]
    fn a_selector_that_no_node_meets_is_found() {
        let node = json!({"metadata": {"labels": {"component": "model"}}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}});
        let wants = |component: &str| json!({"kind": "Deployment", "metadata": {"name": "d"}, "spec": {"template": {"spec": {"nodeSelector": {"component": component}}}}});
        let findings = judge(&[node], &[wants("model"), wants("api")]);
        assert_eq!(findings.len(), 2);
        assert_eq!(
            (findings[1].level, findings[1].message.as_str()),
            (Level::Problem, "no node carries component=api, which Deployment d wants")
        );
        assert_eq!(judge(&[], &[])[0].level, Level::Problem);
    }
}
