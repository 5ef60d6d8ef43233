//! Who may look at a namespace, by the role `view` that every cluster has, sees no credential.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::configuration::{csw, with_config};
use super::space::Space;
use crate::support::{Redis, Up, on_each_cluster, require};

/// What Secrets hold that is none: addresses and names.
const PUBLIC: [&str; 7] = ["BUCKET", "REDIS_HOST", "REDIS_PORT", "CS_URL", "username", "namespace", "ca.crt"];

/// A kubeconfig for an account of the namespace that is bound to the role `view`.
fn viewer(space: &Space) -> String {
    let account = format!("{}:viewer", space.name);
    space.kubectl(&["create", "serviceaccount", "viewer"]);
    space.kubectl(&[
        "create",
        "rolebinding",
        "viewer",
        "--clusterrole=view",
        &format!("--serviceaccount={account}"),
    ]);
    let request = space.sandbox.write(
        "request.json",
        r#"{"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}"#,
    );
    let path = format!("/api/v1/namespaces/{}/serviceaccounts/viewer/token", space.name);
    let answer = space.kubectl(&["create", "--raw", &path, "-f", request.to_str().unwrap()]);
    let answer: Value = serde_json::from_str(&answer).unwrap();
    let config = space.kubectl(&["config", "view", "--raw", "--flatten", "--minify", "-o", "json"]);
    let mut config: Value = serde_json::from_str(&config).unwrap();
    config["users"][0]["user"] = json!({"token": answer["status"]["token"]});
    space.sandbox.write("viewer.json", config.to_string()).to_str().unwrap().to_owned()
}

/// Everything that the account reads: all objects of all kinds, each as the server has it.
fn all_that_is_seen(space: &Space, kubeconfig: &str) -> String {
    let kinds = space.kubectl(&["api-resources", "--namespaced", "--verbs=list", "-o", "name"]);
    let mut seen = String::new();
    let mut refused = Vec::new();
    for kind in kinds.lines() {
        let output = space.kubectl_output(&["--kubeconfig", kubeconfig, "get", kind, "-o", "json"]);
        seen += &String::from_utf8_lossy(&output.stdout);
        if !output.status.success() {
            refused.push(kind);
        }
    }
    assert!(refused.contains(&"secrets") && !refused.contains(&"jobs.batch"), "{refused:?}");
    seen
}

on_each_cluster!(no_credential_is_in_what_the_role_view_reads);

fn no_credential_is_in_what_the_role_view_reads() {
    if !require("kubernetes") || !require("redis") {
        return;
    }
    let space = with_config();
    space.sandbox.csw(["svc", "secrets", "set", "CS_API_TOKEN"]).stdin("the-token-of-the-web-app").ok();
    space
        .sandbox
        .csw(["svc", "secrets", "set", "CSW_SCHEDULER_TOKEN"])
        .stdin("the-token-of-the-scheduler")
        .ok();
    let model = "config/Examples/Solow.yaml";
    let file = space.sandbox.read(model);
    space.sandbox.write(model, format!("{file}\nsecrets: [API_KEY]\n"));
    space
        .sandbox
        .csw(["models", "-n", "Examples/Solow", "secrets", "set", "API_KEY"])
        .stdin("the-key-of-the-model")
        .ok();
    csw(&space, &["cluster", "apply"]).ok();

    // A scheduler as it runs there, and a simulation that it has made a Job of.
    let redis = Redis::start();
    let scheduler = csw(&space, &["scheduler", "--start", "--listen", "127.0.0.1:0"])
        .env("CSW_CLUSTER_KEY", "0123456789abcdef0123456789abcdef")
        .env("CSW_SCHEDULER_TOKEN", "the-token-of-the-scheduler")
        .env("CSW_OUTPUTS_PROCESSOR", "http://127.0.0.1:9/")
        .env("REDIS_USER", "scheduler")
        .env("REDIS_SCHEDULER_PW", redis.password("scheduler"))
        .env("REDIS_HOST", "127.0.0.1")
        .env("REDIS_PORT", redis.port().to_string());
    // Its Job stays as it is: there is no room for a pod, and there may be some later.
    space.kubectl(&["delete", "quota", "none"]);
    space.occupy("full");
    let scheduler = Up::start(scheduler);
    csw(&space, &["jobs", "submit", "-n", "Examples/Solow", "--id", "one", "--scheduler", &scheduler.url])
        .env("CSW_SCHEDULER_TOKEN", "the-token-of-the-scheduler")
        .ok();
    let credentials = || space.kubectl(&["get", "secrets", "-l", "job-id=one", "-o", "name"]);
    while credentials().is_empty() {}

    let secrets = space.get("secrets");
    let mut values = Vec::new();
    for secret in secrets["items"].as_array().unwrap() {
        for (key, value) in secret["data"].as_object().into_iter().flatten() {
            if !PUBLIC.contains(&key.as_str()) {
                values.push((
                    format!("{}: {key}", secret["metadata"]["name"]),
                    value.as_str().unwrap().to_owned(),
                ));
            }
        }
    }
    for key in ["CSW_JOB_TOKEN", "CSW_JOB_KEY", "API_KEY", "CS_API_TOKEN", "password", "users.acl"] {
        assert!(values.iter().any(|(of, _)| of.ends_with(&format!(": {key}"))), "{key}: {values:?}");
    }
    let kubeconfig = viewer(&space);
    let seen = all_that_is_seen(&space, &kubeconfig);
    assert!(seen.contains("\"kind\": \"Job\"") && seen.contains("redis-master"), "{seen}");
    for (of, base64) in values {
        let plain = String::from_utf8(STANDARD.decode(&base64).unwrap()).unwrap();
        // A key is shown neither whole nor as it is written in a Secret; a file of users not by its lines either.
        for shown in plain.lines().chain([base64.as_str()]).filter(|text| text.len() >= 8) {
            assert!(!seen.contains(shown), "{of} can be read");
        }
    }
    drop(scheduler);
}
