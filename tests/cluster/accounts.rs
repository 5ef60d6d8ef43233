//! The accounts that are rendered can do what they need and nothing else, as the API server's own authorizer says.

use csw::kube::{Access, Cluster};
use futures::{StreamExt as _, stream};
use serde_json::json;

use super::configuration::{csw, with_config};
use super::space::kubeconfig;
use crate::kubernetes_jobs::Job;
use crate::support::{on_each_cluster, require};

const VERBS: [&str; 8] = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"];

/// Group, resource, subresource.
const RESOURCES: [(&str, &str, &str); 24] = [
    ("batch", "jobs", ""),
    ("batch", "jobs", "status"),
    ("batch", "cronjobs", ""),
    ("", "pods", ""),
    ("", "pods", "log"),
    ("", "pods", "exec"),
    ("", "pods", "eviction"),
    ("", "configmaps", ""),
    ("", "events", ""),
    ("", "secrets", ""),
    ("", "serviceaccounts", ""),
    ("", "serviceaccounts", "token"),
    ("", "services", ""),
    ("", "persistentvolumeclaims", ""),
    ("", "resourcequotas", ""),
    ("", "namespaces", ""),
    ("", "nodes", ""),
    ("apps", "deployments", ""),
    ("apps", "deployments", "scale"),
    ("apps", "statefulsets", ""),
    ("coordination.k8s.io", "leases", ""),
    ("networking.k8s.io", "networkpolicies", ""),
    ("rbac.authorization.k8s.io", "roles", ""),
    ("rbac.authorization.k8s.io", "rolebindings", ""),
];

/// Whether an account needs this in its own namespace. Nobody needs anything elsewhere.
fn needs(account: &str, resource: &str, subresource: &str, verb: &str) -> bool {
    let verbs: &[&str] = match (account, resource, subresource) {
        ("scheduler", "jobs", "") => &["create", "get", "list", "watch", "patch", "delete"],
        ("scheduler", "pods", "") => &["get", "list", "watch", "deletecollection"],
        ("scheduler", "pods", "log") => &["get", "list", "watch"],
        ("scheduler", "leases", "") => &["get", "create", "update"],
        ("scheduler", "deployments", "") => &["get", "list", "watch"],
        ("scheduler", "secrets", "") => &["create"],
        ("scheduler", "configmaps" | "events", "") => &["get", "list", "watch"],
        ("job-cleanup", "jobs", "") => &["get", "list", "delete", "deletecollection"],
        _ => &[],
    };
    verbs.contains(&verb)
}

on_each_cluster!(
    #[tokio::test]
    each_account_may_do_what_it_needs_and_nothing_else
);

async fn each_account_may_do_what_it_needs_and_nothing_else() {
    if !require("kubernetes") {
        return;
    }
    let space = with_config();
    for part in ["svc", "models"] {
        csw(&space, &[part, "apply"]).ok();
    }
    let access = Access { kubeconfig: Some(kubeconfig().into()), ..Access::default() };
    let cluster = access.connect().await.unwrap();
    // Those that are there, so that no account is forgotten: the controllers' `default` is one of them.
    let accounts: Vec<String> = space
        .kubectl(&["get", "serviceaccounts", "-o", "name"])
        .lines()
        .map(|line| line.trim_start_matches("serviceaccount/").to_owned())
        .collect();
    for known in ["default", "scheduler", "outputs-processor", "redis", "job-cleanup", "examples-solow"] {
        assert!(accounts.iter().any(|a| a.starts_with(known)), "{known}: {accounts:?}");
    }
    let mut questions = Vec::new();
    for account in &accounts {
        for (group, resource, subresource) in RESOURCES {
            for verb in VERBS {
                for namespace in [space.name.as_str(), "default", ""] {
                    let wanted = namespace == space.name && needs(account, resource, subresource, verb);
                    questions.push((account, group, resource, subresource, verb, namespace, wanted));
                }
            }
        }
    }
    let wrong: Vec<String> = stream::iter(questions)
        .map(async |(account, group, resource, subresource, verb, namespace, wanted)| {
            let attributes = json!({"group": group, "resource": resource, "subresource": subresource,
                "verb": verb, "namespace": namespace});
            let allowed = allowed(&cluster, &space.name, account, &attributes).await;
            (allowed != wanted)
                .then(|| format!("{account}: {verb} {resource}/{subresource} in `{namespace}`: {allowed}"))
        })
        .buffer_unordered(16)
        .filter_map(async |wrong| wrong)
        .collect()
        .await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

async fn allowed(cluster: &Cluster, namespace: &str, account: &str, attributes: &serde_json::Value) -> bool {
    let review = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": {
        "user": format!("system:serviceaccount:{namespace}:{account}"),
        "groups": ["system:serviceaccounts", format!("system:serviceaccounts:{namespace}"), "system:authenticated"],
        "resourceAttributes": attributes}});
    let path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
    let answer = cluster.review(path, &review, "ask what an account may do").await.unwrap();
    answer["status"]["allowed"].as_bool().unwrap()
}

on_each_cluster!(what_they_may_is_enough_for_their_work);

fn what_they_may_is_enough_for_their_work() {
    if !require("kubernetes-node") {
        return;
    }
    let space = with_config();
    csw(&space, &["svc", "apply"]).ok();
    space.kubectl(&["delete", "resourcequota,deployments,statefulsets,cronjobs", "--all", "--wait"]);
    let run = |account: &str, args: &[&str]| {
        let user = format!("system:serviceaccount:{}:{account}", space.name);
        csw(&space, &[args, &["--on", "kubernetes", "--as", &user]].concat()).output()
    };
    let works = |account: &str, args: &[&str]| {
        let output = run(account, args);
        assert_eq!(output.code, 0, "{account}: {args:?}: {}", output.stderr);
        output.stdout
    };
    for (id, command) in [("ends", "echo all there is"), ("runs", "sleep 1000")] {
        Job::new(id, command).create(&space);
    }
    assert!(works("scheduler", &["jobs", "wait", "ends"]).contains("ends"));
    assert_eq!(works("scheduler", &["jobs", "logs", "ends"]), "all there is\n");
    assert!(works("scheduler", &["jobs", "list", "-o", "name"]).contains("runs"));
    works("scheduler", &["jobs", "cancel", "runs"]);
    works("job-cleanup", &["jobs", "cleanup", "--succeeded", "--failed", "--yes"]);
    assert_eq!(works("scheduler", &["jobs", "list", "-o", "name"]), "");
    for account in ["redis", "default", "outputs-processor"] {
        let output = run(account, &["jobs", "list"]);
        assert_eq!(output.code, 4, "{account}: {}", output.stderr);
        assert!(output.stderr.contains("cannot list"), "{account}: {}", output.stderr);
    }
}
