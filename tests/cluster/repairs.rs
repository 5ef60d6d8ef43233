//! What was wrong and is corrected comes right, and what can't come right is told before anything is waited for.

use serde_json::Value;

use super::configuration::{csw, with_config};
use super::space::{Space, deployment, kubeconfig};
use crate::support::{Sandbox, on_each_cluster, require};

const APPLY: [&str; 6] = ["cluster", "apply", "-f", "all.yaml", "--wait", "--timeout"];

fn stateful_set(selector: &str) -> String {
    deployment("s", "exec sleep 1000", "")
        .replace("kind: Deployment", "kind: StatefulSet")
        .replace("  replicas: 1\n", "  replicas: 1\n  serviceName: s\n")
        .replace("      containers:", &format!("      nodeSelector: {selector}\n      containers:"))
}

on_each_cluster!(a_pod_that_never_got_ready_makes_way_for_the_corrected_one);

fn a_pod_that_never_got_ready_makes_way_for_the_corrected_one() {
    if !require("kubernetes-node") {
        return;
    }
    let space = Space::new();
    space.sandbox.write("all.yaml", stateful_set("{no: such}"));
    let refused = space.run(&[&APPLY[..], &["30m"]].concat());
    assert_eq!(refused.code, 5, "{}", refused.stderr);
    // Told at once, and again where the wait ends.
    assert!(
        refused.stderr.contains("no node carries no=such, which StatefulSet s wants"),
        "{}",
        refused.stderr
    );
    assert!(refused.stderr.contains("kubectl label node NAME no=such"), "{}", refused.stderr);
    space.sandbox.write("all.yaml", stateful_set("{}"));
    let applied = space.run(&[&APPLY[..], &["3m"]].concat());
    assert_eq!(applied.code, 0, "{}", applied.stderr);
    assert!(applied.stderr.contains("deleted its pod s-0 of the version before"), "{}", applied.stderr);
    // Nothing is left to be done.
    let again = space.json(&["cluster", "apply", "-f", "all.yaml"], 0);
    assert_eq!(again["done"]["repaired"], Value::Null, "{again}");
}

on_each_cluster!(a_deployment_past_its_deadline_tries_again);

fn a_deployment_past_its_deadline_tries_again() {
    if !require("kubernetes-node") {
        return;
    }
    let space = Space::new();
    space.refuse_pods("none");
    let manifest = deployment("d", "exec sleep 1000", "")
        .replace("  replicas: 1\n", "  replicas: 1\n  progressDeadlineSeconds: 20\n");
    space.sandbox.write("all.yaml", manifest);
    space.json(&["cluster", "apply", "-f", "all.yaml"], 0);
    let late = || space.get("deployment/d").to_string().contains("ProgressDeadlineExceeded");
    while !late() {}
    let applied = space.run(&["cluster", "apply", "-f", "all.yaml"]);
    assert_eq!(applied.code, 0, "{}", applied.stderr);
    assert!(applied.stderr.contains("past its deadline: its pods are made anew"), "{}", applied.stderr);
    space.kubectl(&["delete", "quota", "none"]);
    let applied = space.run(&[&APPLY[..], &["3m"]].concat());
    assert_eq!(applied.code, 0, "{}", applied.stderr);
    assert_eq!(space.json(&["cluster", "apply", "-f", "all.yaml"], 0)["summary"]["unchanged"], 1);
}

on_each_cluster!(a_claim_that_no_class_serves_is_made_anew_when_that_is_said);

fn a_claim_that_no_class_serves_is_made_anew_when_that_is_said() {
    if !require("kubernetes") {
        return;
    }
    let space = Space::new();
    let claim = |class: &str| {
        format!(
            "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{name: c}}\nspec: {{storageClassName: {class}, accessModes: [ReadWriteOnce], resources: {{requests: {{storage: 1Gi}}}}}}\n"
        )
    };
    space.sandbox.write("all.yaml", claim("no-such"));
    space.json(&["cluster", "apply", "-f", "all.yaml"], 0);
    let doctor = space.json(&["cluster", "doctor", "-f", "all.yaml"], 4)["findings"].to_string();
    assert!(doctor.contains("names the storage class no-such, which does not exist"), "{doctor}");
    space.sandbox.write("all.yaml", claim("another"));
    let refused = space.run(&["cluster", "apply", "-f", "all.yaml"]);
    assert_eq!(refused.code, 4);
    assert!(refused.stderr.contains("holds nothing: --force-replace"), "{}", refused.stderr);
    let replaced = space.json(&["cluster", "apply", "-f", "all.yaml", "--force-replace"], 0);
    assert_eq!(replaced["summary"]["replace"], 1);
    assert_eq!(space.get("persistentvolumeclaim/c")["spec"]["storageClassName"], "another");
}

on_each_cluster!(a_namespace_that_an_apply_makes_is_no_problem_and_a_missing_place_is_told_with_its_setting);

fn a_namespace_that_an_apply_makes_is_no_problem_and_a_missing_place_is_told_with_its_setting() {
    if !require("kubernetes") {
        return;
    }
    let space = with_config();
    space.sandbox.write("csw.yaml", "kubernetes:\n  node_selectors: {services: {no: such}}\n");
    let doctor = |namespace: &str| {
        let sandbox: &Sandbox = &space.sandbox;
        let output = sandbox
            .csw(["cluster", "doctor", "-o", "json", "--namespace", namespace])
            .env("KUBECONFIG", kubeconfig())
            .env("PROJECT", "p")
            .env("BUCKET", "file:///outputs")
            .output();
        serde_json::from_str::<Value>(&output.stdout).unwrap()["findings"].as_array().unwrap().clone()
    };
    let found = doctor("csw-test-that-is-to-come");
    let of = |check: &str| found.iter().find(|f| f["check"] == check).unwrap().to_string();
    assert!(
        of("namespace").contains("\"ok\"") && of("namespace").contains("`csw cluster apply` makes it"),
        "{found:?}"
    );
    let places = of("node selectors");
    assert!(places.contains("no=such") && places.contains("Deployment scheduler"), "{places}");
    assert!(places.contains("csw.yaml") && places.contains("node_selectors: {services: {}}"), "{places}");
}

on_each_cluster!(images_that_are_missing_are_told_before_anything_is_applied);

fn images_that_are_missing_are_told_before_anything_is_applied() {
    if !require("kubernetes") || !require("registry") {
        return;
    }
    let space = with_config();
    let registry = crate::support::registry::Registry::start();
    let apply = csw(&space, &["cluster", "apply", "-n", "Examples/Solow", "--wait"])
        .env("CSW_REGISTRY", &registry.address);
    let refused = apply.output();
    for words in ["examples_solow_tasks:v1", "csw models -n Examples/Solow build", "csw svc build"] {
        assert!(refused.stderr.contains(words), "{words}: {}", refused.stderr);
    }
    assert!(!refused.stderr.contains("epidemic"), "{}", refused.stderr);
    // A node with very many images does not name them all: then it is a warning.
    let nodes: Value = serde_json::from_str(&space.kubectl(&["get", "nodes", "-o", "json"])).unwrap();
    let told = |node: &Value| node["status"]["images"].as_array().is_none_or(|images| images.len() < 50);
    let all_told = nodes["items"].as_array().unwrap().iter().all(told);
    if all_told {
        assert_eq!(refused.code, 4, "{}", refused.stderr);
        assert!(refused.stderr.contains("nothing was applied: images are missing"), "{}", refused.stderr);
        assert_eq!(space.members("deployment"), [""; 0]);
    }
    let doctor =
        csw(&space, &["cluster", "doctor", "-o", "json"]).env("CSW_REGISTRY", &registry.address).output();
    assert!(doctor.code == 4 || !all_told, "{}", doctor.stderr);
    assert!(doctor.stdout.contains("csw models -n Examples/Epidemic build"), "{}", doctor.stdout);
}
