use std::process::Stdio;

use serde_json::json;

use super::place::{Job, Place};
use crate::support::{on_each_cluster, require};

on_each_cluster!(a_wait_ends_with_the_last_job_and_tells_how_they_ended);

fn a_wait_ends_with_the_last_job_and_tells_how_they_ended() {
    if !require("kubernetes-node") {
        return;
    }
    let place = Place::new();
    place.create([
        Job::new("good", "sleep 1"),
        Job::new("fine", "exit 0"),
        Job::new("bad", "exit 3"),
        Job::new("stuck", "exit 0").pod("nodeSelector", json!({"no": "such"})),
    ]);
    let jobs = place.json(&["wait", "good", "fine"], 0);
    assert_eq!((&jobs[0]["id"], &jobs[0]["status"]), (&json!("good"), &json!("SUCCESS")));
    let jobs = place.json(&["wait", "good", "bad"], 5);
    assert!(jobs[1]["reason"].as_str().unwrap().contains("exited with 3"), "{jobs}");
    let output = place.jobs(&["wait", "--all", "--timeout", "2s"]);
    assert_eq!(output.code, 5);
    assert!(output.stdout.contains("stuck") && output.stdout.contains("Unschedulable"), "{}", output.stdout);
    assert!(output.stderr.contains("1 of 1 jobs have not ended"), "{}", output.stderr);
    assert_eq!(place.jobs(&["wait", "none-such"]).code, 1);

    // One that is deleted meanwhile won't end otherwise.
    let mut command =
        place.space.csw(&["jobs", "wait", "stuck", "--on", "kubernetes", "-o", "json"]).into_command();
    let waiting = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    place.space.kubectl(&["delete", "job", "stuck", "--wait=false"]);
    let output = waiting.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    // It may have been gone before the wait began.
    match output.status.code() {
        Some(5) => assert!(stderr.contains("1 of 1 jobs did not succeed"), "{stderr}"),
        code => assert!(code == Some(1) && stderr.contains("there is no job stuck"), "{stderr}"),
    }
}

/// A wait that would never end: it must do so by itself, with the reason.
fn ends_by_itself(place: &Place, id: &str, words: &str) {
    let output = place.jobs(&["wait", id]);
    assert_eq!(output.code, 5, "{}", output.stderr);
    assert!(
        output.stderr.contains("1 of 1 jobs can't start") && output.stderr.contains(words),
        "{}",
        output.stderr
    );
    assert!(output.stderr.contains(&format!("csw jobs cancel --on kubernetes {id}")), "{}", output.stderr);
    // A cell holds a sentence; the rest is elsewhere.
    let table = place.jobs(&["list"]).stdout;
    let longest = table.lines().map(|line| line.chars().count()).max().unwrap();
    assert!(longest < 250, "{longest}: {table}");
    let whole = place.json(&["status", id], 0)[0]["reason"].as_str().unwrap().to_owned();
    assert!(whole.contains(words), "{whole}");
    let shown = place.jobs(&["status", id]).stdout;
    assert!(shown.contains(&whole), "{shown}\n{whole}");
    // Nor does who follows its log hear anything, ever.
    let output = place.jobs(&["logs", "-f", id]);
    assert_eq!(output.code, 5, "{}", output.stderr);
    assert!(output.stderr.contains("can't start") && output.stderr.contains(words), "{}", output.stderr);
}

on_each_cluster!(what_is_refused_for_what_it_is_is_not_waited_for);

fn what_is_refused_for_what_it_is_is_not_waited_for() {
    if !require("kubernetes-node") {
        return;
    }
    let place = Place::new();
    place.space.apply_by_kubectl(
        &json!({"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "small", "namespace": place.space.name},
            "spec": {"limits": [{"type": "Container", "max": {"memory": "64Mi"}, "default": {"memory": "32Mi"}}]}})
        .to_string(),
    );
    place.create([
        Job::new("large", "exit 0").container("resources", json!({"limits": {"memory": "3Gi"}})),
        Job::new("nameless", "exit 0").container("image", json!("not/A/name")),
    ]);
    ends_by_itself(&place, "large", "maximum memory usage per Container is 64Mi");
    let output = place.jobs(&["wait", "nameless"]);
    assert_eq!(output.code, 5, "{}", output.stderr);
    assert!(output.stderr.contains("InvalidImageName"), "{}", output.stderr);
    place.space.refuse_pods("none");
    place.create([Job::new("crowded", "exit 0")]);
    ends_by_itself(&place, "crowded", "exceeded quota: none");
}

on_each_cluster!(newest what_pod_security_refuses_is_not_waited_for, "the oldest has no PodSecurity admission");

fn what_pod_security_refuses_is_not_waited_for() {
    if !require("kubernetes-node") {
        return;
    }
    let place = Place::new();
    place.create([Job::new("daring", "exit 0")
        .container("securityContext", json!({}))
        .pod("securityContext", json!({}))]);
    ends_by_itself(&place, "daring", "violates PodSecurity \"restricted:latest\"");
}

on_each_cluster!(a_quota_that_others_use_up_is_waited_for);

fn a_quota_that_others_use_up_is_waited_for() {
    if !require("kubernetes-node") {
        return;
    }
    let place = Place::new();
    place.create([Job::new("first", "until [ -e /tmp/go ]; do sleep 0.1; done")
        .pod("volumes", json!([{"name": "tmp", "emptyDir": {}}]))
        .container("volumeMounts", json!([{"name": "tmp", "mountPath": "/tmp"}]))]);
    place.until("first", |j| j["status"] == "RUNNING");
    place.space.kubectl(&["create", "quota", "one", "--hard=pods=1"]);
    while place.space.get("quota/one")["status"]["used"]["pods"] != "1" {}
    place.create([Job::new("second", "exit 0")]);
    place.until("second", |j| j["reason"].as_str().is_some_and(|r| r.contains("exceeded quota: one")));
    let output = place.jobs(&["wait", "second", "--timeout", "1s"]);
    assert!(output.code == 5 && output.stderr.contains("the time ran out"), "{}", output.stderr);
}

on_each_cluster!(nothing_is_left_of_a_cancelled_job_when_cancel_returns);

fn nothing_is_left_of_a_cancelled_job_when_cancel_returns() {
    if !require("kubernetes-node") {
        return;
    }
    let place = Place::new();
    place.create([
        Job::new("stubborn", "trap \"\" TERM; while :; do sleep 0.1; done")
            .pod("terminationGracePeriodSeconds", 2.into()),
        Job::new("pending", "exit 0").pod("nodeSelector", json!({"no": "such"})),
        Job::new("ended", "exit 0"),
    ]);
    place.until("stubborn", |j| j["status"] == "RUNNING");
    place.until("ended", |j| j["status"] == "SUCCESS");
    let output = place.jobs(&["cancel", "stubborn", "none-such"]);
    assert_eq!(output.code, 1, "{}", output.stderr);
    assert_eq!(place.ids(), ["ended", "pending", "stubborn"], "one unknown id and nothing is cancelled");

    let jobs = place.json(&["cancel", "stubborn", "pending", "ended"], 0);
    let left =
        place.space.kubectl(&["get", "jobs,pods", "-o", "jsonpath={.items[*].metadata.labels.job-id}"]);
    let status = |i: usize| jobs[i]["status"].as_str().unwrap();
    assert_eq!((status(0), status(1), status(2)), ("CANCELLED", "CANCELLED", "SUCCESS"));
    assert!(left.split_whitespace().all(|id| id == "ended") && !left.is_empty(), "{left}");
}
