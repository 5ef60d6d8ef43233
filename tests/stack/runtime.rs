//! Executors as processes, with shell scripts in the executor's place.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use csw::job::process::ProcessRuntime;
use csw::job::{AttemptKey, AttemptSpec, AttemptState, JobRuntime};
use csw::model::{Outcome, TaskName};
use csw::store::AttemptToken;
use futures::StreamExt;
use serde_json::json;

struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    /// A runtime whose executor is this shell script; every call is like a new start of csw.
    fn runtime(&self, script: &str) -> ProcessRuntime {
        let program = self.dir.path().join("executor");
        fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        ProcessRuntime::new(program, self.dir.path()).unwrap()
    }

    fn new() -> Self {
        Self { dir: tempfile::Builder::new().prefix("csw-runtime-").tempdir().unwrap() }
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }
}

fn spec(id: &str) -> AttemptSpec {
    AttemptSpec {
        key: AttemptKey { id: id.parse().unwrap(), attempt: 1 },
        model: "Examples/Echo".parse().unwrap(),
        task: TaskName::Sim,
        token: AttemptToken("the-token".into()),
        exp_task_time: Some("90".parse().unwrap()),
        outputs_processor: Some("http://127.0.0.1:1/".parse().unwrap()),
        secrets: BTreeMap::from([("API_KEY".to_owned(), "s3cret".to_owned().into())]),
        launch: json!({"task_id": id}),
        kwargs: json!({"adjustment": {}}).as_object().unwrap().clone(),
    }
}

async fn log(runtime: &ProcessRuntime, key: &AttemptKey, follow: bool) -> String {
    let mut stream = runtime.logs(key, follow).await.unwrap().expect("there is a log");
    let mut text = Vec::new();
    while let Some(chunk) = stream.next().await {
        text.extend_from_slice(&chunk.unwrap());
    }
    String::from_utf8(text).unwrap()
}

fn alive(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    !stat.is_empty() && !stat.contains(") Z ")
}

#[tokio::test]
async fn an_executor_gets_its_arguments_and_a_small_environment() {
    let place = Place::new();
    let runtime = place.runtime("echo \"$@\"; env | sort; ls; exit 3");
    let spec = spec("one");
    runtime.create(&spec).await.unwrap();
    let end = runtime.wait(&spec.key).await.unwrap();
    assert_eq!((end.code, end.signal), (Some(3), None));
    assert_eq!(runtime.state(&spec.key).await.unwrap(), AttemptState::Ended(end));
    let text = log(&runtime, &spec.key, false).await;
    let folder = place.path().join("jobs/one/1");
    let arguments = format!("job --job-id one --route-name sim --job-dir {}\n", folder.display());
    assert!(text.starts_with(&arguments), "{text}");
    for line in [
        "API_KEY=s3cret",
        "OWNER=Examples",
        "TITLE=Echo",
        "EXP_TASK_TIME=90",
        "CSW_JOB_TOKEN=the-token",
        "CSW_OUTPUTS_PROCESSOR=http://127.0.0.1:1/",
        &format!("CSW_JOB_DIR={}", place.path().join("jobs/one/1").display()),
        "launch.json",
        "kwargs.json",
    ] {
        assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
    }
    assert!(!text.contains("CARGO"), "our environment is not the model's:\n{text}");
    let files = fs::read_to_string(place.path().join("jobs/one/1/launch.json")).unwrap();
    assert_eq!(files, r#"{"task_id":"one"}"#);
    runtime.put_away(&spec.key).await.unwrap();
    assert!(!place.path().join("jobs/one").exists());
    assert_eq!(log(&runtime, &spec.key, false).await, text, "the log is kept");
    runtime.delete(&spec.key.id, 1).await.unwrap();
    assert!(runtime.logs(&spec.key, false).await.unwrap().is_none());
}

#[tokio::test]
async fn creating_twice_runs_once() {
    let place = Place::new();
    let runtime = place.runtime("echo run >>\"$CSW_JOB_DIR/../../../runs\"");
    let spec = spec("one");
    runtime.create(&spec).await.unwrap();
    runtime.create(&spec).await.unwrap();
    runtime.wait(&spec.key).await.unwrap();
    // Also not by a later csw that finds the folder.
    place.runtime("echo run >>\"$CSW_JOB_DIR/../../../runs\"").create(&spec).await.unwrap();
    assert_eq!(fs::read_to_string(place.path().join("runs")).unwrap(), "run\n");
}

#[tokio::test]
async fn a_later_csw_adopts_what_runs_and_finds_what_was_left() {
    let place = Place::new();
    let script = "read line <\"$CSW_JOB_DIR/../../../go\"; echo '{\"task_id\":\"one\",\"status\":\"SUCCESS\",\"meta\":\
                  {\"task_times\":[1.0]}}' >\"$CSW_JOB_DIR/result.json\"";
    let fifo = place.path().join("go");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let first = place.runtime(script);
    let spec = spec("one");
    first.create(&spec).await.unwrap();
    let second = ProcessRuntime::new("/nonexistent".into(), place.path()).unwrap();
    assert_eq!(second.list().await.unwrap(), std::slice::from_ref(&spec.key));
    assert_eq!(second.state(&spec.key).await.unwrap(), AttemptState::Running);
    // A crash may have come before the process was written down.
    fs::remove_file(place.path().join("jobs/one/1/process.json")).unwrap();
    assert_eq!(second.state(&spec.key).await.unwrap(), AttemptState::Running);
    assert!(second.spooled(&spec.key).await.unwrap().is_none());
    let waiting = tokio::spawn({
        let (second, key) = (second.clone(), spec.key.clone());
        async move { second.wait(&key).await.unwrap() }
    });
    tokio::task::spawn_blocking(move || fs::write(fifo, "go\n").unwrap()).await.unwrap();
    waiting.await.unwrap();
    assert_eq!(second.spooled(&spec.key).await.unwrap().unwrap().status, Outcome::Success);
    let other = AttemptKey { attempt: 2, ..spec.key.clone() };
    assert_eq!(second.state(&other).await.unwrap(), AttemptState::Absent);
}

#[tokio::test]
async fn stopping_asks_first_and_then_ends_the_whole_tree() {
    let place = Place::new();
    let polite = place.runtime("trap 'echo asked; exit 0' TERM; echo ready; sleep 60 & wait");
    let spec_one = spec("polite");
    polite.create(&spec_one).await.unwrap();
    ready(&polite, &spec_one.key).await;
    polite.stop(&spec_one.key, Duration::from_secs(30)).await.unwrap();
    assert_eq!(log(&polite, &spec_one.key, false).await, "ready\nasked\n");

    // One that ignores the signal, and whose child has a session, so a process group, of its own.
    let stubborn =
        place.runtime("trap '' TERM; setsid sleep 300 & echo $!; echo ready; while :; do wait; done");
    let spec_two = spec("stubborn");
    stubborn.create(&spec_two).await.unwrap();
    ready(&stubborn, &spec_two.key).await;
    let text = log(&stubborn, &spec_two.key, false).await;
    let child = text.lines().next().unwrap();
    assert!(alive(child));
    stubborn.stop(&spec_two.key, Duration::ZERO).await.unwrap();
    while alive(child) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_a_killed_executor_left_in_its_group_goes_too() {
    let place = Place::new();
    let runtime = place.runtime("sleep 300 & echo $!; echo ready; kill -9 $$");
    let spec = spec("one");
    runtime.create(&spec).await.unwrap();
    let end = runtime.wait(&spec.key).await.unwrap();
    assert_eq!(end.signal, Some(9));
    let text = log(&runtime, &spec.key, false).await;
    while alive(text.lines().next().unwrap()) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_followed_log_goes_on_to_the_end() {
    let place = Place::new();
    let runtime = place.runtime("echo one; read x <\"$CSW_JOB_DIR/../../../go\"; echo two");
    let fifo = place.path().join("go");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let spec = spec("one");
    runtime.create(&spec).await.unwrap();
    ready_line(&runtime, &spec.key, "one").await;
    let follower = tokio::spawn({
        let (runtime, key) = (runtime.clone(), spec.key.clone());
        async move { log(&runtime, &key, true).await }
    });
    tokio::task::spawn_blocking(move || fs::write(fifo, "go\n").unwrap()).await.unwrap();
    assert_eq!(follower.await.unwrap(), "one\ntwo\n");
    assert_eq!(runtime.log_tail(&spec.key, 5).await.unwrap(), "two");
    assert_eq!(runtime.log_tail(&spec.key, 500).await.unwrap(), "one\ntwo");
}

async fn ready(runtime: &ProcessRuntime, key: &AttemptKey) {
    ready_line(runtime, key, "ready").await;
}

/// Reads the log as a follower does until the line is there.
async fn ready_line(runtime: &ProcessRuntime, key: &AttemptKey, line: &str) {
    let mut stream = runtime.logs(key, true).await.unwrap().unwrap();
    let mut text = String::new();
    while !text.lines().any(|l| l == line) {
        text.push_str(std::str::from_utf8(&stream.next().await.expect("the line").unwrap()).unwrap());
    }
}
