//! What becomes of accepted jobs.

use std::fs;

use serde_json::json;

use super::harness::{ECHO, Ground};

/// Simulations wait until `$G/go` exists; each run leaves a line in `$G/runs`.
const GATED: &str = r#"
read -r request
case "$request" in *version*) echo '{"version": "1"}'; exit ;; esac
echo run >>"$G/runs"
while ! [ -e "$G/go" ]; do sleep 0.02; done
echo '{"renderable": [], "downloadable": []}'
"#;

fn runs(ground: &Ground) -> usize {
    fs::read_to_string(ground.path().join("runs")).unwrap_or_default().lines().count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_so_many_run_at_once_in_the_order_of_acceptance() {
    let mut ground = Ground::new().model("Examples/Gated", GATED);
    ground.limits.max_jobs = 1;
    let stack = ground.start().await;
    for id in ["a", "b", "c"] {
        stack.sim("Examples/Gated", id).await;
    }
    stack.wait_running("a").await;
    let (_, jobs) = stack.get("api/v1/jobs?status=PENDING").await;
    assert_eq!(jobs["jobs"].as_array().unwrap().len(), 2);
    assert_eq!(jobs["jobs"][0]["reason"], "waiting for one of 1 running jobs");
    fs::write(ground.path().join("go"), "").unwrap();
    let mut started = Vec::new();
    for id in ["a", "b", "c"] {
        let job = stack.wait(id).await;
        started.push(job.started_at.unwrap());
    }
    assert!(started.is_sorted(), "{started:?}");
    assert_eq!(runs(&ground), 3);
    let (_, page) = stack.get("api/v1/jobs?limit=2").await;
    assert_eq!((page["jobs"].as_array().unwrap().len(), &page["next"]), (2, &json!("b")));
    let (_, page) = stack.get("api/v1/jobs?limit=2&after=b").await;
    assert_eq!((&page["jobs"][0]["id"], &page["next"]), (&json!("c"), &json!(null)));
    stack.stack.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn models_take_turns_and_none_has_more_than_its_limit() {
    let mut ground = Ground::new()
        .model("Examples/Gated", GATED)
        .model("Examples/Few", GATED)
        .model("Examples/Late", GATED);
    ground.limits.max_jobs = 4;
    ground.limits.per_model = 3;
    ground.max_jobs("Examples/Few", 1);
    let stack = ground.start().await;
    for id in ["a1", "a2", "a3", "a4"] {
        stack.sim("Examples/Gated", id).await;
    }
    for id in ["a1", "a2", "a3"] {
        stack.wait_running(id).await;
    }
    let reason = async |id: &str| stack.get(&format!("api/v1/jobs/{id}")).await.1["reason"].clone();
    assert_eq!(reason("a4").await, "waiting for one of 3 running jobs of Examples/Gated");
    // There is room for one more, which the model that came first must not have.
    for id in ["f1", "f2"] {
        stack.sim("Examples/Few", id).await;
    }
    stack.wait_running("f1").await;
    assert_eq!(reason("f2").await, "waiting for one of 1 running jobs of Examples/Few");
    stack.sim("Examples/Late", "l1").await;
    assert_eq!(reason("l1").await, "waiting for one of 4 running jobs");
    fs::write(ground.path().join("go"), "").unwrap();
    let mut started = Vec::new();
    for id in ["a1", "a2", "a3", "a4", "f1", "f2", "l1"] {
        let job = stack.wait(id).await;
        assert_eq!(job.status.as_str(), "SUCCESS", "{job:?}");
        started.push((id, job.started_at.unwrap()));
    }
    let at = |id: &str| started.iter().find(|(i, _)| *i == id).unwrap().1;
    assert!(at("a3") < at("a4") && at("f1") < at("f2"), "{started:?}");
    stack.stack.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancelling_ends_the_executor_and_frees_its_slot() {
    let mut ground = Ground::new().model("Examples/Gated", GATED);
    ground.limits.max_jobs = 1;
    let stack = ground.start().await;
    stack.sim("Examples/Gated", "a").await;
    stack.sim("Examples/Gated", "b").await;
    stack.sim("Examples/Gated", "c").await;
    stack.wait_running("a").await;
    let (_, job) = stack.post("api/v1/jobs/b/cancel", json!({})).await;
    assert_eq!(job["status"], "CANCELLED");
    let (_, job) = stack.post("api/v1/jobs/a/cancel", json!({})).await;
    assert_eq!((&job["status"], &job["reason"]), (&json!("CANCELLED"), &json!("cancelled")));
    stack.wait_running("c").await;
    fs::write(ground.path().join("go"), "").unwrap();
    assert_eq!(stack.wait("c").await.status.as_str(), "SUCCESS");
    assert_eq!(stack.get("api/v1/jobs/a").await.1["status"], "CANCELLED");
    assert_eq!(stack.get("api/v1/jobs/a/result").await.0, 409);
    stack.stack.stop().await;
    assert_eq!(fs::read_dir(ground.path().join("data/jobs")).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_stack_puts_running_jobs_back_and_goes_on_later() {
    let ground = Ground::new().model("Examples/Gated", GATED).model("Examples/Echo", ECHO);
    let stack = ground.start().await;
    for id in ["a", "b", "c"] {
        stack.sim("Examples/Gated", id).await;
    }
    stack.wait_running("a").await;
    stack.wait_running("b").await;
    while runs(&ground) < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(stack.stack.stop().await, 2);
    fs::write(ground.path().join("go"), "").unwrap();
    let stack = ground.start().await;
    for (id, attempt) in [("a", 2), ("b", 2), ("c", 1)] {
        let job = stack.wait(id).await;
        assert_eq!((job.status.as_str(), job.attempt), ("SUCCESS", attempt), "{id}");
    }
    stack.stack.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_executor_that_dies_is_tried_again_and_then_given_up() {
    // The model kills its executor, which is its parent.
    let script = "read -r request; echo run >>\"$G/runs\"; echo dying >&2; kill -9 $PPID; sleep 5";
    let ground = Ground::new().model("Examples/Deadly", script);
    let stack = ground.start().await;
    stack.sim("Examples/Deadly", "a").await;
    let job = stack.wait("a").await;
    assert_eq!((job.status.as_str(), job.attempt), ("FAIL", 3));
    let reason = "3 attempts ended without a result; of the last one, its executor was killed by signal 9";
    assert_eq!(job.reason.as_deref(), Some(reason));
    assert_eq!(runs(&ground), 3);
    stack.stack.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_that_cannot_be_prepared_fails_its_jobs_and_no_others() {
    let ground = Ground::new().model("Examples/Gone", "").model("Examples/Echo", ECHO);
    fs::remove_dir_all(ground.path().join("models/Examples/Gone")).unwrap();
    let stack = ground.start().await;
    stack.sim("Examples/Gone", "gone").await;
    stack.sim("Examples/Echo", "echo").await;
    let job = stack.wait("gone").await;
    assert_eq!(job.status.as_str(), "FAIL");
    assert!(job.reason.is_some(), "{job:?}");
    assert_eq!(stack.wait("echo").await.status.as_str(), "SUCCESS");
    stack.stack.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logs_are_followed_from_pending_to_the_end() {
    let mut ground = Ground::new().model("Examples/Gated", GATED).model("Examples/Echo", ECHO);
    ground.limits.max_jobs = 1;
    let stack = ground.start().await;
    stack.sim("Examples/Gated", "a").await;
    stack.sim("Examples/Echo", "b").await;
    let follower = tokio::spawn(stack.request("GET", "api/v1/jobs/b/logs?follow=true").send());
    stack.wait_running("a").await;
    fs::write(ground.path().join("go"), "").unwrap();
    let log = follower.await.unwrap().unwrap().text().await.unwrap();
    assert!(log.contains("simulating"), "{log}");
    stack.stack.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cleanup_forgets_what_has_ended() {
    let ground = Ground::new().model("Examples/Echo", ECHO).model("Examples/Bad", "exit 7");
    let stack = ground.start().await;
    for id in ["a", "b", "c"] {
        stack.sim("Examples/Echo", id).await;
        stack.wait(id).await;
    }
    stack.sim("Examples/Bad", "bad").await;
    assert_eq!(stack.wait("bad").await.status.as_str(), "FAIL");
    let clean = async |body| stack.post("api/v1/jobs/cleanup", body).await.1["removed"].clone();
    assert_eq!(clean(json!({"older_than": 3600.0})).await, json!([]));
    assert_eq!(
        clean(json!({"status": ["SUCCESS"], "keep_last": 1, "dry_run": true})).await,
        json!(["a", "b"])
    );
    assert_eq!(stack.get("api/v1/jobs/a").await.0, 200);
    assert_eq!(clean(json!({"status": ["SUCCESS"], "keep_last": 1})).await, json!(["a", "b"]));
    assert_eq!(stack.get("api/v1/jobs/a").await.0, 404);
    assert_eq!(clean(json!({"models": ["Examples/Bad"]})).await, json!(["bad"]));
    assert_eq!(clean(json!({})).await, json!(["c"]));
    assert_eq!(fs::read_dir(ground.path().join("data/logs")).unwrap().count(), 0);
    stack.stack.stop().await;
}
