use serde_json::{Value, json};

use super::place::{Job, Place};
use crate::support::{on_each_cluster, require};

fn reason(job: &Value) -> &str {
    job["reason"].as_str().unwrap_or_default()
}

on_each_cluster!(every_state_is_told_with_its_reason);

fn every_state_is_told_with_its_reason() {
    if !require("kubernetes-node") {
        return;
    }
    let place = Place::new();
    place.create([
        Job::new("good", "echo done"),
        Job::new("bad", "exit 3"),
        Job::new("twice", "exit 4").set("/spec/backoffLimit", 1.into()),
        Job::new("runs", "sleep 600"),
        Job::new("nowhere", "exit 0").pod("nodeSelector", json!({"no": "such"})),
        Job::new("no-image", "exit 0").container("image", json!("csw-test/no-such-image:7")),
        Job::new("no-secret", "exit 0").container(
            "env",
            json!([{"name": "X", "valueFrom": {"secretKeyRef": {"name": "none", "key": "k"}}}]),
        ),
        Job::new("named-by-env", "exit 0")
            .set("/metadata/annotations", json!({}))
            .container("env", json!([{"name": "OWNER", "value": "A-B"}, {"name": "TITLE", "value": "C"}])),
    ]);
    let place = &place;
    let good = place.until("good", |j| j["status"] == "SUCCESS");
    assert_eq!(
        (&good["model"], &good["task"], &good["attempt"]),
        (&json!("Examples/Echo"), &json!("sim"), &json!(1))
    );
    assert!(good["pod"].as_str().unwrap().starts_with("good-") && good["node"].is_string(), "{good}");
    assert!(
        good["started_at"].is_string() && good["finished_at"].is_string() && good["reason"].is_null(),
        "{good}"
    );
    let bad = place.until("bad", |j| j["status"] == "FAIL");
    assert!(reason(&bad).contains("exited with 3"), "{bad}");
    let runs = place.until("runs", |j| j["status"] == "RUNNING");
    assert_eq!((&runs["attempt"], &runs["finished_at"]), (&json!(1), &Value::Null));
    let nowhere = place.until("nowhere", |j| reason(j).contains("Unschedulable"));
    assert!(reason(&nowhere).contains("0/1 nodes are available"), "{nowhere}");
    assert_eq!(
        (&nowhere["status"], &nowhere["attempt"], &nowhere["node"]),
        (&json!("PENDING"), &json!(0), &Value::Null)
    );
    let image = place.until("no-image", |j| reason(j).contains("Image"));
    assert!(image["status"] == "PENDING" && reason(&image).contains("csw-test/no-such-image:7"), "{image}");
    let secret = place.until("no-secret", |j| reason(j).contains("CreateContainerConfigError"));
    assert!(reason(&secret).contains("secret \"none\" not found"), "{secret}");
    let twice = place.until("twice", |j| j["status"] == "FAIL");
    assert_eq!(twice["attempt"], 2);
    let by_env = place.until("named-by-env", |j| j["status"] == "SUCCESS");
    assert_eq!(by_env["model"], "A-B/C");

    let names = |args: &[&str]| -> Vec<String> {
        let output = place.jobs(&[&["list", "-o", "name"], args].concat());
        assert_eq!(output.code, 0, "{}", output.stderr);
        output.stdout.lines().map(str::to_owned).collect()
    };
    assert_eq!(names(&["--status", "FAIL", "-n", "Examples/Echo"]), ["twice", "bad"], "the newest first");
    assert_eq!(names(&["-n", "A-B/C"]), ["named-by-env"]);
    assert_eq!(names(&["--limit", "3"]).len(), 3);
    let table = place.jobs(&["list"]).stdout;
    assert!(table.starts_with("ID") && table.contains("NODE") && table.contains("ATTEMPT"), "{table}");

    let output = place.jobs(&["status", "good", "none-such"]);
    assert_eq!((output.code, output.stdout.as_str()), (1, ""));
    assert!(output.stderr.contains("there is no job none-such"), "{}", output.stderr);
}

on_each_cluster!(a_job_that_a_quota_keeps_from_starting_says_so);

fn a_job_that_a_quota_keeps_from_starting_says_so() {
    if !require("kubernetes") {
        return;
    }
    let place = Place::new();
    place.space.refuse_pods("none");
    place.create([Job::new("waits", "exit 0")]);
    let told = place.until("waits", |j| reason(j).contains("exceeded quota: none"));
    assert_eq!((&told["status"], &told["pod"]), (&json!("PENDING"), &Value::Null));
}

on_each_cluster!(a_context_in_the_settings_makes_the_cluster_the_default);

fn a_context_in_the_settings_makes_the_cluster_the_default() {
    if !require("kubernetes") {
        return;
    }
    let place = Place::new();
    place.create([Job::new("one", "exit 0").pod("nodeSelector", json!({"no": "such"}))]);
    let context = place.space.kubectl(&["config", "current-context"]);
    place.space.sandbox.write("csw.yaml", format!("context: {}\n", context.trim()));
    assert_eq!(place.space.csw(&["jobs", "list", "-o", "name"]).ok(), "one\n");
    let output = place.space.run(&["jobs", "list", "--on", "scheduler", "--scheduler", "http://127.0.0.1:1"]);
    assert_eq!(output.code, 4, "{}", output.stderr);
    place.space.sandbox.write("csw.yaml", "context: no-such-context\n");
    let output = place.space.run(&["jobs", "list"]);
    assert_eq!(output.code, 1, "{}", output.stderr);
    assert!(output.stderr.contains("no context `no-such-context`"), "{}", output.stderr);
}
