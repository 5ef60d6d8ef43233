use std::collections::BTreeMap;

use futures::stream::{self, StreamExt as _};
use serde_json::{Value, json};

use super::Finding;
use crate::kube::{Cluster, DEFAULT_CONCURRENCY, KubeError};

const ALL: &[&str] = &["get", "list", "watch", "create", "patch", "delete"];
const SEE: &[&str] = &["get", "list", "watch"];

/// What csw does, by group and resource (with a subresource).
const NEEDS: &[(&str, &str, &[&str])] = &[
    ("", "configmaps", ALL),
    ("", "secrets", ALL),
    ("", "services", ALL),
    ("", "serviceaccounts", ALL),
    ("", "persistentvolumeclaims", ALL),
    ("apps", "deployments", ALL),
    ("apps", "statefulsets", ALL),
    ("apps", "replicasets", SEE),
    ("batch", "jobs", ALL),
    ("batch", "cronjobs", ALL),
    ("networking.k8s.io", "networkpolicies", ALL),
    ("policy", "poddisruptionbudgets", ALL),
    ("rbac.authorization.k8s.io", "roles", ALL),
    ("rbac.authorization.k8s.io", "rolebindings", ALL),
    ("", "pods", SEE),
    ("", "pods/log", &["get"]),
    ("", "events", SEE),
];

/// Group, resource (with a subresource), verb.
type Question = (&'static str, &'static str, &'static str);

/// Asks the server about every verb that csw uses in the namespace.
pub(super) async fn check(cluster: &Cluster, parent: &str) -> Vec<Finding> {
    let questions: Vec<Question> = NEEDS
        .iter()
        .flat_map(|(group, resource, verbs)| verbs.iter().map(|v| (*group, *resource, *v)))
        .collect();
    let total = questions.len();
    let answers: Vec<(Question, Result<bool, KubeError>)> = stream::iter(questions)
        .map(|question| async move { (question, allowed(cluster, question).await) })
        .buffered(DEFAULT_CONCURRENCY)
        .collect()
        .await;
    let mut missing: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for ((group, resource, verb), answer) in answers {
        match answer {
            Ok(true) => {}
            Ok(false) => missing.entry((group, resource)).or_default().push(verb),
            Err(e) => {
                return vec![Finding::warning(
                    "permissions",
                    format!("permissions can't be asked for: {e}"),
                    "Ask for the right to create selfsubjectaccessreviews",
                )];
            }
        }
    }
    let namespace = cluster.namespace();
    if missing.is_empty() {
        return vec![Finding::ok(
            "permissions",
            format!("all {total} that csw uses in `{namespace}` are there"),
        )];
    }
    missing
        .into_iter()
        .map(|((group, resource), verbs)| {
            let of = if group.is_empty() { resource.to_owned() } else { format!("{resource}.{group}") };
            let rule = json!({"apiGroups": [group], "resources": [resource], "verbs": verbs});
            let message = format!("you may not {} {of} in `{namespace}`", verbs.join(", "));
            let advice = format!("Ask for a Role in `{namespace}` with the rule {rule}");
            // Without these nothing can be applied; without the others, something that one needs may be missing.
            if resource == "configmaps" {
                Finding::problem("permissions", format!("{message} (the set is kept in {parent})"), advice)
            } else if verbs.contains(&"patch") || verbs.contains(&"create") {
                Finding::problem("permissions", message, advice)
            } else {
                Finding::warning("permissions", message, advice)
            }
        })
        .collect()
}

async fn allowed(cluster: &Cluster, (group, resource, verb): Question) -> Result<bool, KubeError> {
    let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {"namespace": cluster.namespace(), "group": group, "resource": resource,
            "subresource": subresource, "verb": verb}},
    });
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let answer = cluster.review(path, &review, "ask for permissions").await?;
    Ok(answer.pointer("/status/allowed").and_then(Value::as_bool).unwrap_or(false))
}
