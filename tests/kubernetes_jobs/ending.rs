use std::process::Stdio;

use serde_json::json;

use super::place::{Job, Place};
use crate::support::require;

#[test]
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

#[test]
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
