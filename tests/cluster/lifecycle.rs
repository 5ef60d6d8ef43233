//! Apply, ready, again, changed, pruned, deleted.

use std::collections::BTreeMap;

use super::space::{Space, actions, config_map, deployment};
use crate::support::{on_each_cluster, require};

fn all(space: &Space, value: &str) -> String {
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: password}\nstringData: {pw: hunter2}\n---\n";
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: web}, ports: [{port: 80, name: http}]}\n---\n";
    let manifest =
        config_map("settings", value) + secret + service + &deployment("web", "exec sleep 1000", "");
    space.sandbox.write("all.yaml", &manifest);
    manifest
}

on_each_cluster!(objects_come_change_and_go);

fn objects_come_change_and_go() {
    if !require("kubernetes") {
        return;
    }
    let space = Space::new();
    all(&space, "1");

    let diff = space.json(&["cluster", "diff", "-f", "all.yaml", "--exit-code"], 3);
    assert_eq!(diff["summary"]["create"], 4);
    assert_eq!(space.members("configmap"), [""; 0], "a diff changes nothing");

    let applied = space.json(&["cluster", "apply", "-f", "all.yaml", "--wait", "--timeout", "2m"], 0);
    assert_eq!(applied["summary"]["create"], 4);
    assert_eq!(applied["unready"].as_array().unwrap().len(), 0);
    let live = space.get("deployment/web");
    assert_eq!(live["status"]["availableReplicas"], 1, "the wait returned when it was available");

    // Nothing is sent for what has not changed: no object gets another version.
    let versions = || -> Vec<String> {
        ["configmap/settings", "secret/password", "service/web", "configmap/csw"]
            .iter()
            .map(|o| space.get(o)["metadata"]["resourceVersion"].as_str().unwrap().to_owned())
            .collect()
    };
    let before = versions();
    let again = space.json(&["cluster", "apply", "-f", "all.yaml", "--wait"], 0);
    assert_eq!(again["summary"]["unchanged"], 4);
    assert_eq!(versions(), before);
    space.json(&["cluster", "diff", "-f", "all.yaml", "--exit-code"], 0);

    // One change is one update, told by path.
    all(&space, "2");
    let changed = space.json(&["cluster", "apply", "-f", "all.yaml"], 0);
    assert_eq!((&changed["summary"]["update"], &changed["summary"]["unchanged"]), (&1.into(), &3.into()));
    let update = changed["changes"].as_array().unwrap().iter().find(|c| c["action"] == "update").unwrap();
    assert_eq!(update["fields"][0]["path"], "data.value");
    assert_eq!((&update["fields"][0]["before"], &update["fields"][0]["after"]), (&"1".into(), &"2".into()));
    assert_eq!(space.get("configmap/settings")["data"]["value"], "2");

    // What is no longer wanted stays until somebody says so; another set's and nobody's objects stay anyway.
    space.kubectl(&["create", "configmap", "unrelated"]);
    space.sandbox.write("less.yaml", config_map("settings", "2"));
    let kept = space.json(&["cluster", "apply", "-f", "less.yaml"], 0);
    assert_eq!(kept["summary"]["keep"], 3);
    assert_eq!(space.members("deployment"), ["web"]);
    let pruned = space.json(&["cluster", "apply", "-f", "less.yaml", "--prune"], 0);
    let expected: BTreeMap<String, String> = [
        ("ConfigMap/settings", "unchanged"),
        ("Deployment/web", "delete"),
        ("Secret/password", "delete"),
        ("Service/web", "delete"),
    ]
    .map(|(o, a)| (o.to_owned(), a.to_owned()))
    .into();
    assert_eq!(actions(&pruned), expected);
    assert_eq!(space.members("secret,service"), [""; 0]);
    assert_eq!(
        space.get("configmap/csw")["metadata"]["annotations"]["applyset.kubernetes.io/contains-group-kinds"],
        "ConfigMap",
        "the parent says what is left"
    );

    let status = space.json(&["cluster", "status"], 0);
    assert_eq!(status["objects"].as_array().unwrap().len(), 1);

    let refused = space.run(&["cluster", "delete"]);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    let deleted = space.json(&["cluster", "delete", "--yes"], 0);
    assert_eq!(deleted["deleted"].as_array().unwrap().len(), 1);
    let left = space.kubectl(&["get", "configmap", "-o", "name"]);
    assert!(left.contains("unrelated") && !left.contains("settings") && !left.contains("csw"), "{left}");
}

on_each_cluster!(an_empty_set_is_pruned_only_when_that_is_said);

fn an_empty_set_is_pruned_only_when_that_is_said() {
    if !require("kubernetes") {
        return;
    }
    let space = Space::new();
    space.sandbox.write("a.yaml", config_map("a", "1"));
    space.sandbox.write("none.yaml", "---\n");
    space.run(&["cluster", "apply", "-f", "a.yaml"]);
    let refused = space.run(&["cluster", "apply", "-f", "none.yaml", "--prune"]);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("would delete all 1 members of `configmap/csw`"), "{}", refused.stderr);
    assert!(refused.stderr.contains("--allow-empty"), "{}", refused.stderr);
    assert_eq!(space.members("configmap"), ["a"]);
    space.json(&["cluster", "apply", "-f", "none.yaml", "--prune", "--allow-empty"], 0);
    assert_eq!(space.members("configmap"), [""; 0]);
}

on_each_cluster!(volume_claims_and_what_csw_did_not_apply_are_never_pruned);

fn volume_claims_and_what_csw_did_not_apply_are_never_pruned() {
    if !require("kubernetes") {
        return;
    }
    let space = Space::new();
    let claim = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\nspec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}\n---\n";
    space.sandbox.write("all.yaml", config_map("a", "1") + claim);
    space.sandbox.write("a.yaml", config_map("a", "1"));
    space.json(&["cluster", "apply", "-f", "all.yaml"], 0);
    let id = space.get("configmap/a")["metadata"]["labels"]["applyset.kubernetes.io/part-of"].clone();
    space.kubectl(&["create", "configmap", "copied"]);
    space.kubectl(&[
        "label",
        "configmap",
        "copied",
        &format!("applyset.kubernetes.io/part-of={}", id.as_str().unwrap()),
    ]);
    let pruned = space.json(&["cluster", "apply", "-f", "a.yaml", "--prune"], 0);
    assert_eq!(actions(&pruned)["PersistentVolumeClaim/data"], "keep");
    assert_eq!(actions(&pruned)["ConfigMap/copied"], "keep");
    space.json(&["cluster", "delete", "--yes"], 0);
    assert_eq!(space.members("pvc"), ["data"]);
    space.json(&["cluster", "delete", "--yes", "--volumes"], 0);
    assert_eq!(space.members("pvc"), [""; 0]);
}

on_each_cluster!(a_namespace_and_a_kind_may_come_with_what_needs_them);

fn a_namespace_and_a_kind_may_come_with_what_needs_them() {
    if !require("kubernetes") {
        return;
    }
    let space = Space::new();
    let group = format!("{}.example.com", space.name);
    let other = format!("{}-more", space.name);
    space.sandbox.write(
        "all.yaml",
        format!(
            r#"{{apiVersion: {group}/v1, kind: Widget, metadata: {{name: w, namespace: {other}}}, spec: {{size: 3}}}}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: widgets.{group}}}
spec:
  group: {group}
  scope: Namespaced
  names: {{kind: Widget, plural: widgets, singular: widget}}
  versions:
  - {{name: v1, served: true, storage: true, schema: {{openAPIV3Schema: {{type: object, properties: {{spec: {{type: object, properties: {{size: {{type: integer}}}}}}}}}}}}}}
---
{{apiVersion: v1, kind: Namespace, metadata: {{name: {other}}}}}
---
{{apiVersion: v1, kind: ConfigMap, metadata: {{name: c, namespace: {other}}}, data: {{a: b}}}}
"#
        ),
    );
    let applied = space.json(&["cluster", "apply", "-f", "all.yaml", "--wait"], 0);
    assert_eq!(applied["summary"]["create"], 4);
    let again = space.json(&["cluster", "apply", "-f", "all.yaml"], 0);
    assert_eq!(again["summary"]["unchanged"], 4, "{again}");
    assert_eq!(
        space.get("configmap/csw")["metadata"]["annotations"]["applyset.kubernetes.io/additional-namespaces"],
        other.as_str()
    );
    let deleted = space.json(&["cluster", "delete", "--yes", "--namespaces", "--definitions"], 0);
    assert_eq!(deleted["deleted"].as_array().unwrap().len(), 4);
    assert!(!space.kubectl(&["get", "namespaces", "-o", "name"]).contains(&other));
}

on_each_cluster!(a_secrets_value_is_nowhere_to_be_seen);

fn a_secrets_value_is_nowhere_to_be_seen() {
    if !require("kubernetes") {
        return;
    }
    let space = Space::new();
    let secret = |value: &str| {
        let text =
            format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\nstringData: {{pw: {value}}}\n");
        space.sandbox.write("s.yaml", text);
    };
    secret("hunter2");
    let mut said = space.run(&["cluster", "apply", "-f", "s.yaml", "-vvv"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    secret("hunter3");
    for verb in [["diff", "-ojson"], ["diff", "-otable"], ["apply", "-oyaml"]] {
        let more = space.run(&["cluster", verb[0], "-f", "s.yaml", verb[1], "-vvv"]);
        assert_eq!(more.code, 0, "{}", more.stderr);
        said.stdout += &more.stdout;
        said.stderr += &more.stderr;
    }
    let annotations = space.get("secret/s")["metadata"]["annotations"].to_string();
    for text in [&said.stdout, &said.stderr, &annotations] {
        for value in ["hunter", "aHVudGVyM", "aHVudGVyMg"] {
            assert!(!text.contains(value), "{text}");
        }
    }
    assert!(said.stdout.contains("****** (before)"), "{}", said.stdout);
    assert_eq!(space.get("secret/s")["data"]["pw"], "aHVudGVyMw==");
}
