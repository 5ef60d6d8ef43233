use std::collections::BTreeMap;
use std::time::Duration;

use csw::job::{AttemptEnd, AttemptKey, AttemptSpec, AttemptState, JobRuntime};
use csw::model::TaskName;
use csw::store::AttemptToken;
use futures::StreamExt;
use serde_json::json;

/// Where executors run, and how a test gets at them.
#[allow(async_fn_in_trait)]
pub trait Bed {
    /// A runtime whose executor is this shell script; every call is like a new start of csw.
    async fn runtime(&self, script: &str) -> Box<dyn JobRuntime>;

    /// A line of shell that goes on once [`Bed::open`] was called.
    fn gate(&self) -> String;

    /// Lets a running executor go on.
    fn open(&self, key: &AttemptKey);
}

pub fn spec(id: &str, attempt: u32) -> AttemptSpec {
    AttemptSpec {
        key: AttemptKey { id: id.parse().unwrap(), attempt },
        model: "Examples/Echo".parse().unwrap(),
        task: TaskName::Sim,
        token: AttemptToken("the-token".into()),
        exp_task_time: None,
        outputs_processor: None,
        secrets: BTreeMap::new(),
        launch: json!({"task_id": id}),
        kwargs: json!({"adjustment": {}}).as_object().unwrap().clone(),
    }
}

pub async fn log(runtime: &dyn JobRuntime, key: &AttemptKey, follow: bool) -> String {
    let mut stream = runtime.logs(key, follow).await.unwrap().expect("there is a log");
    let mut text = Vec::new();
    while let Some(chunk) = stream.next().await {
        text.extend_from_slice(&chunk.unwrap());
    }
    String::from_utf8(text).unwrap()
}

/// Reads the log as a follower does until the line is there.
async fn until_line(runtime: &dyn JobRuntime, key: &AttemptKey, line: &str) {
    let mut stream = runtime.logs(key, true).await.unwrap().unwrap();
    let mut text = String::new();
    while !text.lines().any(|l| l == line) {
        text.push_str(std::str::from_utf8(&stream.next().await.expect("the line").unwrap()).unwrap());
    }
}

pub async fn creating_twice_runs_once(bed: &impl Bed) {
    let runtime = bed.runtime("echo run").await;
    let spec = spec("one", 1);
    runtime.create(&spec).await.unwrap();
    runtime.create(&spec).await.unwrap();
    runtime.wait(&spec.key).await.unwrap();
    // Also not by a later csw that finds it.
    bed.runtime("echo run").await.create(&spec).await.unwrap();
    assert_eq!(log(&*runtime, &spec.key, true).await, "run\n");
    assert_eq!(runtime.list().await.unwrap(), std::slice::from_ref(&spec.key));
    runtime.put_away(&spec.key).await.unwrap();
    runtime.put_away(&spec.key).await.unwrap();
    assert_eq!(runtime.list().await.unwrap(), []);
    assert_eq!(log(&*runtime, &spec.key, false).await, "run\n", "the log is kept");
    runtime.delete(&spec.key.id, 1).await.unwrap();
    assert!(runtime.logs(&spec.key, false).await.unwrap().is_none());
    assert_eq!(runtime.state(&spec.key).await.unwrap(), AttemptState::Absent);
}

pub async fn the_exit_code_is_told(bed: &impl Bed) {
    let runtime = bed.runtime("echo oops; exit 3").await;
    let spec = spec("one", 1);
    runtime.create(&spec).await.unwrap();
    let end = runtime.wait(&spec.key).await.unwrap();
    assert_eq!(end, AttemptEnd::exited(Some(3), None));
    assert_eq!(runtime.state(&spec.key).await.unwrap(), AttemptState::Ended(end));
    assert!(runtime.spooled(&spec.key).await.unwrap().is_none());
}

pub async fn a_later_runtime_adopts_what_runs(bed: &impl Bed) {
    let spec = spec("one", 1);
    let first = bed.runtime(&format!("echo ready; {}", bed.gate())).await;
    first.create(&spec).await.unwrap();
    until_line(&*first, &spec.key, "ready").await;
    let second = bed.runtime("exit 1").await;
    assert_eq!(second.list().await.unwrap(), std::slice::from_ref(&spec.key));
    assert_eq!(second.state(&spec.key).await.unwrap(), AttemptState::Running);
    let waiting = second.wait(&spec.key);
    bed.open(&spec.key);
    waiting.await.unwrap();
    assert!(matches!(second.state(&spec.key).await.unwrap(), AttemptState::Ended(_)));
}

pub async fn a_followed_log_goes_on_to_the_end(bed: &impl Bed) {
    let spec = spec("one", 1);
    let runtime = bed.runtime(&format!("echo one; {}; echo two; printf three", bed.gate())).await;
    runtime.create(&spec).await.unwrap();
    until_line(&*runtime, &spec.key, "one").await;
    let following = log(&*runtime, &spec.key, true);
    bed.open(&spec.key);
    assert_eq!(following.await, "one\ntwo\nthree");
    assert_eq!(log(&*runtime, &spec.key, false).await, "one\ntwo\nthree");
    assert_eq!(runtime.log_tail(&spec.key, 7).await.unwrap(), "three");
    assert_eq!(runtime.log_tail(&spec.key, 500).await.unwrap(), "one\ntwo\nthree");
}

pub async fn stopping_asks_first_and_leaves_nothing_running(bed: &impl Bed) {
    let polite = "trap 'echo asked; exit 0' TERM; echo ready; while :; do sleep 0.1; done";
    let runtime = bed.runtime(polite).await;
    let spec_one = spec("polite", 1);
    runtime.create(&spec_one).await.unwrap();
    until_line(&*runtime, &spec_one.key, "ready").await;
    let following = log(&*runtime, &spec_one.key, true);
    let stopping = runtime.stop(&spec_one.key, Duration::from_secs(30));
    let (text, stopped) = tokio::join!(following, stopping);
    stopped.unwrap();
    assert_eq!(text, "ready\nasked\n");
    assert_ne!(runtime.state(&spec_one.key).await.unwrap(), AttemptState::Running);
    runtime.wait(&spec_one.key).await.unwrap();
    // Stopping what has ended changes nothing.
    runtime.stop(&spec_one.key, Duration::ZERO).await.unwrap();

    let stubborn = bed.runtime("trap '' TERM; echo ready; while :; do sleep 0.1; done").await;
    let spec_two = spec("stubborn", 1);
    stubborn.create(&spec_two).await.unwrap();
    until_line(&*stubborn, &spec_two.key, "ready").await;
    stubborn.stop(&spec_two.key, Duration::from_secs(1)).await.unwrap();
    assert_ne!(stubborn.state(&spec_two.key).await.unwrap(), AttemptState::Running);
}

pub async fn what_is_not_there_is_absent(bed: &impl Bed) {
    let runtime = bed.runtime("exit 0").await;
    let key = spec("nothing", 1).key;
    assert_eq!(runtime.state(&key).await.unwrap(), AttemptState::Absent);
    assert_eq!(runtime.wait(&key).await.unwrap(), AttemptEnd::default());
    assert!(runtime.logs(&key, false).await.unwrap().is_none());
    assert_eq!(runtime.log_tail(&key, 10).await.unwrap(), "");
    assert_eq!(runtime.list().await.unwrap(), []);
    runtime.stop(&key, Duration::ZERO).await.unwrap();
    runtime.put_away(&key).await.unwrap();
    runtime.delete(&key.id, 1).await.unwrap();
}

pub async fn attempts_are_told_apart(bed: &impl Bed) {
    // An id that leaves no room for more.
    let id = "a".repeat(63);
    let (first, second) = (spec(&id, 1), spec(&id, 2));
    bed.runtime("echo first; exit 1").await.create(&first).await.unwrap();
    let runtime = bed.runtime("echo second; exit 2").await;
    runtime.wait(&first.key).await.unwrap();
    assert_eq!(runtime.state(&second.key).await.unwrap(), AttemptState::Absent);
    runtime.create(&second).await.unwrap();
    assert_eq!(runtime.wait(&second.key).await.unwrap().code, Some(2));
    assert_eq!(log(&*runtime, &first.key, true).await, "first\n");
    assert_eq!(log(&*runtime, &second.key, true).await, "second\n");
    assert_eq!(runtime.list().await.unwrap(), [first.key.clone(), second.key.clone()]);
    runtime.delete(&first.key.id, 2).await.unwrap();
    assert_eq!(runtime.list().await.unwrap(), []);
}
