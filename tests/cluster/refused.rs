//! What the server doesn't take, and what it doesn't know.

use super::space::{CONTAINER_SECURITY, POD_SECURITY, Space, config_map, kubeconfig};
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

/// Each is applied as it is, then with one thing changed to what the server refuses.
const REFUSALS: [(&str, &str, &str, &str); 9] = [
    (
        "Job",
        "apiVersion: batch/v1\nkind: Job\nmetadata: {name: j}\nspec:\n  template:\n    metadata: {labels: {a: b}}\n    spec: {restartPolicy: Never, nodeSelector: {no: such}, volumes: [{name: t, emptyDir: {}}], containers: [{name: c, image: x, command: [OLD], env: [{name: A, value: b}]}]}\n",
        "sh",
        "Job csw/j: spec.template: field is immutable; --force-replace deletes it and makes it anew",
    ),
    (
        "StatefulSet",
        "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: s}\nspec: {replicas: 0, serviceName: OLD, selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: x}]}}}\n",
        "other",
        "StatefulSet csw/s: spec.serviceName can't be changed in an object that exists; --force-replace",
    ),
    (
        "Deployment",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec: {replicas: 0, selector: {matchLabels: {a: OLD}}, template: {metadata: {labels: {a: OLD}}, spec: {containers: [{name: c, image: x}]}}}\n",
        "other",
        "Deployment csw/d: spec.selector: field is immutable; --force-replace",
    ),
    (
        "Pod",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {securityContext: POD_SECURITY, nodeSelector: {no: OLD}, containers: [{name: c, securityContext: CONTAINER_SECURITY, image: x}]}\n",
        "other",
        "Pod csw/p: spec.nodeSelector.no can't be changed in an object that exists; --force-replace",
    ),
    (
        "PersistentVolumeClaim",
        "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: c}\nspec: {storageClassName: OLD, accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}\n",
        "other",
        "PersistentVolumeClaim csw/c: spec.storageClassName can't be changed in an object that exists; it was never bound and holds nothing: --force-replace",
    ),
    (
        "RoleBinding",
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: b}\nroleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: OLD}\nsubjects: [{kind: ServiceAccount, name: default}]\n",
        "other",
        "RoleBinding csw/b: roleRef: cannot change roleRef; --force-replace",
    ),
    (
        "a field that there is not",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata: {OLD: b}\n",
        "a: b}\ndatta: {a",
        "ConfigMap csw/m: datta: there is no such field",
    ),
    (
        "a value of another type",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: e}\nspec: {replicas: 0, minReadySeconds: OLD, selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: x}]}}}\n",
        "three",
        "Deployment csw/e: spec.minReadySeconds: expected a number",
    ),
    (
        "a value that is none",
        "apiVersion: v1\nkind: Service\nmetadata: {name: v}\nspec: {ports: [{port: OLD, protocol: TCP}]}\n",
        "99999",
        "Service csw/v: spec.ports[0].port: 99999: must be between 1 and 65535",
    ),
];

on_each_cluster!(a_refusal_is_a_sentence_with_its_cause_and_what_to_do);

fn a_refusal_is_a_sentence_with_its_cause_and_what_to_do() {
    if !require("kubernetes") {
        return;
    }
    let space = Space::new();
    for (what, manifest, new, cause) in REFUSALS {
        let manifest =
            manifest.replace("POD_SECURITY", POD_SECURITY).replace("CONTAINER_SECURITY", CONTAINER_SECURITY);
        let old = match what {
            "a value of another type" => "3",
            "a value that is none" => "80",
            _ => "old",
        };
        space.sandbox.write("o.yaml", manifest.replace("OLD", old));
        space.run(&["cluster", "apply", "-f", "o.yaml"]);
        space.sandbox.write("o.yaml", manifest.replace("OLD", new));
        let refused = space.run(&["cluster", "apply", "-f", "o.yaml"]);
        let cause = cause.replace(" csw/", &format!(" {}/", space.name));
        assert_eq!(refused.code, 4, "{what}: {}", refused.stderr);
        assert!(refused.stderr.contains(&cause), "{what}: {cause}\n{}", refused.stderr);
        let all = refused.stdout + &refused.stderr;
        assert_eq!(all.matches(cause.split("; ").next().unwrap()).count(), 1, "{what}: told once: {all}");
        for dump in ["core.", "v1.", "map[", "(nil)", "&{", "\\\"", "@@", "value.value", "object at"] {
            assert!(!all.contains(dump), "{what}: {dump}: {all}");
        }
        assert!(all.lines().all(|line| line.chars().count() < 400), "{what}: {all}");
        assert!(
            all.contains("--force") || all.contains("kubectl explain") || all.contains("never replaced"),
            "{what}: {all}"
        );
    }
}
