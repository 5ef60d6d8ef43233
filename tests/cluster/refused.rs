//! What the server doesn't take, and what it doesn't know.

use super::space::{Space, config_map, kubeconfig};
use crate::support::{Sandbox, on_each_cluster, require};

on_each_cluster!(nothing_is_applied_if_anything_is_refused);

fn nothing_is_applied_if_anything_is_refused() {
    if !require("kubernetes") {
        return;
    }
    let space = Space::new();
    let bad = "apiVersion: v1\nkind: Service\nmetadata: {name: bad}\nspec: {ports: [{port: 99999}]}\n---\n";
    let typo = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: typo}\ndatta: {a: b}\n---\n";
    space.sandbox.write("all.yaml", config_map("good", "1") + bad + typo);
    let refused = space.run(&["cluster", "apply", "-f", "all.yaml"]);
    assert_eq!(refused.code, 4);
    assert!(refused.stderr.contains("nothing was applied: 2 refused by the server"), "{}", refused.stderr);
    assert!(refused.stderr.contains("99999") && refused.stderr.contains("datta"), "{}", refused.stderr);
    assert_eq!(space.members("configmap"), [""; 0]);
    let dry = space.run(&["cluster", "apply", "-f", "all.yaml", "--dry-run"]);
    assert_eq!(dry.code, 4, "a dry run tells the same");
}

on_each_cluster!(kinds_that_are_not_served_are_named_before_anything_is_applied);

fn kinds_that_are_not_served_are_named_before_anything_is_applied() {
    if !require("kubernetes") {
        return;
    }
    let space = Space::new();
    let unknown = "{apiVersion: example.com/v1, kind: Widget, metadata: {name: w}}\n---\n{apiVersion: apps/v9, kind: Deployment, metadata: {name: d}}\n---\n";
    space.sandbox.write("all.yaml", config_map("good", "1") + unknown);
    let refused = space.run(&["cluster", "apply", "-f", "all.yaml"]);
    assert_eq!(refused.code, 4);
    for words in
        ["Widget (example.com/v1)", "Deployment (apps/v9)", "served as apps/v1", "nothing was applied"]
    {
        assert!(refused.stderr.contains(words), "{words}: {}", refused.stderr);
    }
    assert_eq!(space.members("configmap"), [""; 0]);
}

on_each_cluster!(a_dry_run_changes_nothing);

fn a_dry_run_changes_nothing() {
    if !require("kubernetes") {
        return;
    }
    let space = Space::new();
    space.sandbox.write("a.yaml", config_map("a", "1"));
    for by in ["--dry-run", "--dry-run=server", "--dry-run=client"] {
        assert_eq!(space.json(&["cluster", "apply", "-f", "a.yaml", by], 0)["summary"]["create"], 1, "{by}");
    }
    assert_eq!(space.members("configmap"), [""; 0]);
    assert!(
        !space.kubectl(&["get", "configmap", "-o", "name"]).contains("csw"),
        "not even the parent is there"
    );
}

on_each_cluster!(who_may_not_is_told_what_and_where);

fn who_may_not_is_told_what_and_where() {
    if !require("kubernetes") {
        return;
    }
    let space = Space::new();
    space.sandbox.write("a.yaml", config_map("a", "1"));
    let refused =
        space.run(&["cluster", "apply", "-f", "a.yaml", "--as", "nobody", "--as-group", "nobodies"]);
    assert_eq!(refused.code, 4);
    assert!(refused.stderr.contains("\"nobody\" cannot"), "{}", refused.stderr);
    assert!(refused.stderr.contains("csw cluster doctor"), "{}", refused.stderr);
    assert!(!refused.stderr.contains("ApiError"), "{}", refused.stderr);
    let doctor = space.json(&["cluster", "doctor", "--as", "nobody"], 4);
    let found = doctor["findings"].to_string();
    assert!(found.contains("you may not get, list, watch, create, patch, delete configmaps"), "{found}");
    assert!(found.contains("\\\"verbs\\\":[\\\"get\\\""), "the rule to ask for is told: {found}");
}

on_each_cluster!(the_doctor_finds_what_would_not_run);

fn the_doctor_finds_what_would_not_run() {
    if !require("kubernetes") {
        return;
    }
    let space = Space::new();
    space.sandbox.write(
        "d.yaml",
        r"apiVersion: apps/v1
kind: Deployment
metadata: {name: d}
spec:
  selector: {matchLabels: {a: b}}
  template:
    metadata: {labels: {a: b}}
    spec: {nodeSelector: {component: nowhere}, imagePullSecrets: [{name: registry}], containers: [{name: c, image: x}]}
",
    );
    let found = space.json(&["cluster", "doctor", "-f", "d.yaml"], 4)["findings"].to_string();
    assert!(found.contains("no node carries component=nowhere, which Deployment d wants"), "{found}");
    assert!(found.contains("there is no Secret"), "{found}");
    let healthy = space.json(&["cluster", "doctor"], 0)["findings"].to_string();
    assert!(healthy.contains("Kubernetes v1."), "{healthy}");
}

on_each_cluster!(a_missing_namespace_is_told_with_a_remedy);

fn a_missing_namespace_is_told_with_a_remedy() {
    if !require("kubernetes") {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("a.yaml", config_map("a", "1"));
    let refused = sandbox
        .csw(["cluster", "apply", "-f", "a.yaml", "--namespace", "csw-test-nowhere"])
        .env("KUBECONFIG", kubeconfig())
        .output();
    assert_eq!(refused.code, 4);
    assert!(refused.stderr.contains("kubectl create namespace"), "{}", refused.stderr);
}
