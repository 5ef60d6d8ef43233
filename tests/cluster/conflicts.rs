//! Other field managers, and drift.

use super::space::{Space, actions, config_map, deployment};
use crate::support::{on_each_cluster, require};

on_each_cluster!(a_field_that_kubectl_owns_is_a_conflict_by_name);

fn a_field_that_kubectl_owns_is_a_conflict_by_name() {
    if !require("kubernetes") {
        return;
    }
    let space = Space::new();
    space.sandbox.write("all.yaml", config_map("a", "ours") + &config_map("b", "1"));
    space.json(&["cluster", "apply", "-f", "all.yaml"], 0);
    space.kubectl(&[
        "patch",
        "configmap",
        "a",
        "-p",
        "{\"data\":{\"value\":\"theirs\"}}",
        "--field-manager",
        "somebody",
    ]);
    space.sandbox.write("all.yaml", config_map("a", "ours") + &config_map("b", "2"));

    let set = space.json(&["cluster", "diff", "-f", "all.yaml", "--exit-code"], 3);
    let conflict = set["changes"].as_array().unwrap().iter().find(|c| c["action"] == "conflict").unwrap();
    assert_eq!(conflict["conflicts"][0]["manager"], "somebody");
    assert_eq!(conflict["conflicts"][0]["fields"][0], ".data.value");

    let refused = space.run(&["cluster", "apply", "-f", "all.yaml"]);
    assert_eq!(refused.code, 4);
    assert!(refused.stderr.contains("nothing was applied"), "{}", refused.stderr);
    assert!(refused.stderr.contains("somebody owns .data.value"), "{}", refused.stderr);
    assert!(refused.stderr.contains("--force-conflicts"), "{}", refused.stderr);
    assert_eq!(
        space.get("configmap/b")["data"]["value"],
        "1",
        "nothing was applied, not even what is free of conflict"
    );

    let forced = space.json(&["cluster", "apply", "-f", "all.yaml", "--force-conflicts"], 0);
    let taken = forced["changes"].as_array().unwrap().iter().find(|c| c["object"]["name"] == "a").unwrap();
    assert!(taken["reason"].as_str().unwrap().contains("takes fields over from somebody"), "{taken}");
    assert_eq!(space.get("configmap/a")["data"]["value"], "ours");
    assert_eq!(space.json(&["cluster", "apply", "-f", "all.yaml"], 0)["summary"]["unchanged"], 2);
}

on_each_cluster!(a_value_that_changed_behind_managed_fields_back_is_seen);

fn a_value_that_changed_behind_managed_fields_back_is_seen() {
    if !require("kubernetes") {
        return;
    }
    let space = Space::new();
    space
        .sandbox
        .write("d.yaml", deployment("d", "exec sleep 1000", "").replace("replicas: 1", "replicas: 0"));
    space.json(&["cluster", "apply", "-f", "d.yaml"], 0);
    space.kubectl(&["scale", "deployment", "d", "--replicas=2"]);
    let set = space.json(&["cluster", "diff", "-f", "d.yaml", "--exit-code"], 3);
    let change = &set["changes"][0];
    let told = change.to_string();
    assert!(told.contains("spec.replicas"), "{told}");
}

on_each_cluster!(what_the_server_writes_another_way_and_what_others_add_is_no_change);

fn what_the_server_writes_another_way_and_what_others_add_is_no_change() {
    if !require("kubernetes") {
        return;
    }
    let space = Space::new();
    let more = "env: [{name: EMPTY, value: \"\"}]";
    let quantities = |cpu: &str| {
        deployment("d", "exec sleep 1000", more)
            .replace("replicas: 1", "replicas: 0")
            .replace("\"0.01\"", cpu)
    };
    space.sandbox.write("d.yaml", quantities("\"0.010\""));
    space.json(&["cluster", "apply", "-f", "d.yaml"], 0);
    assert_eq!(space.json(&["cluster", "apply", "-f", "d.yaml"], 0)["summary"]["unchanged"], 1);
    space.kubectl(&["annotate", "deployment", "d", "example.com/note=theirs"]);
    assert_eq!(space.json(&["cluster", "diff", "-f", "d.yaml", "--exit-code"], 0)["summary"]["unchanged"], 1);
    // Wanted in other words: the server is asked, and says that nothing changes.
    space.sandbox.write("d.yaml", quantities("10m"));
    assert_eq!(space.json(&["cluster", "diff", "-f", "d.yaml", "--exit-code"], 0)["summary"]["unchanged"], 1);
    space.json(&["cluster", "apply", "-f", "d.yaml"], 0);
    assert_eq!(space.get("deployment/d")["metadata"]["annotations"]["example.com/note"], "theirs");
}

on_each_cluster!(a_list_that_the_server_has_filled_in_is_no_conflict_while_it_stays_the_same);

fn a_list_that_the_server_has_filled_in_is_no_conflict_while_it_stays_the_same() {
    if !require("kubernetes") {
        return;
    }
    let space = Space::new();
    let set = |size: &str| {
        format!(
            r#"apiVersion: apps/v1
kind: StatefulSet
metadata: {{name: s}}
spec:
  replicas: 0
  serviceName: s
  selector: {{matchLabels: {{app: s}}}}
  template:
    metadata: {{labels: {{app: s}}}}
    spec: {{containers: [{{name: c, image: "csw-test/busybox:1"}}]}}
  volumeClaimTemplates:
  - metadata: {{name: data}}
    spec: {{accessModes: [ReadWriteOnce], resources: {{requests: {{storage: {size}}}}}}}
"#
        )
    };
    let file = space.sandbox.write("all.yaml", set("1Gi"));
    space.kubectl(&["apply", "-f", file.to_str().unwrap()]);
    let apply = ["cluster", "apply", "-f", "all.yaml"];
    space.json(&apply, 0);
    assert_eq!(space.json(&apply, 0)["summary"]["unchanged"], 1);
    assert_eq!(space.members("statefulset"), ["s"]);
    // Another value is one: here of a field that can't be changed at all.
    let other = Space::new();
    let file = other.sandbox.write("all.yaml", set("1Gi"));
    other.kubectl(&["apply", "-f", file.to_str().unwrap()]);
    other.sandbox.write("all.yaml", set("2Gi"));
    let refused = other.json(&apply, 4);
    assert_eq!(refused["summary"]["conflict"], 1, "{refused}");
}

on_each_cluster!(what_kubectl_has_applied_is_taken_in);

fn what_kubectl_has_applied_is_taken_in() {
    if !require("kubernetes") {
        return;
    }
    let space = Space::new();
    space.kubectl(&["create", "configmap", "a", "--from-literal=value=1"]);
    space.sandbox.write("a.yaml", config_map("a", "1"));
    let set = space.json(&["cluster", "apply", "-f", "a.yaml"], 0);
    assert_eq!(actions(&set)["ConfigMap/a"], "update");
    assert_eq!(space.members("configmap"), ["a"]);
    assert_eq!(space.json(&["cluster", "apply", "-f", "a.yaml"], 0)["summary"]["unchanged"], 1);
}
