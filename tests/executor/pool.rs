//! Warm workers.

use std::collections::BTreeMap;
use std::time::Duration;

use csw::executor::{Launch, PoolSize, WorkerPool};
use csw::model::{Outcome, TaskName, TaskResult};
use serde_json::{Value, json};

use super::Attempt;

const FUNCTIONS: &str = "
import os, time, ctypes
COUNT = 0

def get_inputs(meta):
    global COUNT
    COUNT += 1
    print('working')
    if meta.get('do') == 'crash': ctypes.string_at(0)
    if meta.get('do') == 'hang': time.sleep(60)
    if meta.get('do') == 'fail': raise ValueError('no')
    time.sleep(meta.get('sleep', 0))
    return {'meta_parameters': {'pid': os.getpid(), 'count': COUNT}, 'model_parameters': {}}
";

fn pool(size: PoolSize) -> WorkerPool {
    WorkerPool::new(size)
}

fn launch(attempt: &Attempt) -> Launch {
    serde_json::from_value(attempt.launch().clone()).unwrap()
}

async fn defaults(pool: &WorkerPool, launch: &Launch, meta: Value) -> TaskResult {
    let kwargs = json!({"meta_param_dict": meta});
    pool.run(launch, kwargs.as_object().unwrap(), BTreeMap::new()).await
}

fn inputs(result: &TaskResult) -> (u64, u64) {
    let meta = &result.outputs.as_ref().unwrap_or_else(|| panic!("{result:?}"))["meta_parameters"];
    (meta["pid"].as_u64().unwrap(), meta["count"].as_u64().unwrap())
}

fn attempt() -> Attempt {
    Attempt::python(FUNCTIONS).with("task", "defaults")
}

#[tokio::test]
async fn a_worker_serves_many_requests_and_a_crash_fails_only_one() {
    let (attempt, pool) = (attempt(), pool(PoolSize::default()));
    let launch = launch(&attempt);
    let (pid, count) = inputs(&defaults(&pool, &launch, json!({})).await);
    assert_eq!(count, 1);
    assert_eq!(inputs(&defaults(&pool, &launch, json!({})).await), (pid, 2));
    let failed = defaults(&pool, &launch, json!({"do": "fail"})).await;
    assert!(failed.traceback.unwrap().contains("ValueError: no"));
    // A Python error is an answer: the worker stays.
    assert_eq!(inputs(&defaults(&pool, &launch, json!({})).await), (pid, 4));
    let mut version = launch.clone();
    version.task = TaskName::Version;
    let result = pool.run(&version, &serde_json::Map::new(), BTreeMap::new()).await;
    assert_eq!(result.outputs, Some(json!({"version": "1.2.3"})));
    let crashed = defaults(&pool, &launch, json!({"do": "crash"})).await;
    assert_eq!(crashed.status, Outcome::Fail);
    let traceback = crashed.traceback.unwrap();
    assert!(traceback.contains("SIGSEGV") && traceback.contains("in get_inputs"), "{traceback}");
    let (other, count) = inputs(&defaults(&pool, &launch, json!({})).await);
    assert_eq!(count, 1);
    assert_ne!(other, pid);
    // Killed while it waits: the next request does not notice.
    let status = std::process::Command::new("kill").args(["-9", &other.to_string()]).status().unwrap();
    assert!(status.success());
    while std::fs::read_to_string(format!("/proc/{other}/stat")).is_ok_and(|s| !s.contains(") Z ")) {
        tokio::task::yield_now().await;
    }
    assert_eq!(inputs(&defaults(&pool, &launch, json!({})).await).1, 1);
}

#[tokio::test]
async fn a_request_has_a_time_limit() {
    let attempt = attempt();
    let pool = pool(PoolSize { request: Duration::from_millis(800), ..PoolSize::default() });
    let result = defaults(&pool, &launch(&attempt), json!({"do": "hang"})).await;
    assert!(result.traceback.unwrap().contains("exceeded its time limit of 0.8 s"));
}

#[tokio::test]
async fn requests_wait_for_their_turn_and_a_new_commit_gets_a_new_worker() {
    let (attempt, pool) = (attempt(), pool(PoolSize::default()));
    let mut launch = launch(&attempt);
    let (a, b, c) = tokio::join!(
        defaults(&pool, &launch, json!({"sleep": 0.05})),
        defaults(&pool, &launch, json!({"sleep": 0.05})),
        defaults(&pool, &launch, json!({})),
    );
    let (a, b, c) = (inputs(&a), inputs(&b), inputs(&c));
    assert!(a.0 == b.0 && b.0 == c.0 && (a.1, b.1, c.1) == (1, 2, 3));
    launch.commit = "another".into();
    let (pid, count) = inputs(&defaults(&pool, &launch, json!({})).await);
    assert!(pid != a.0 && count == 1);
    assert_eq!(pool.workers(), (1, 0), "the worker of the former commit is gone");
}

#[tokio::test]
async fn there_are_never_more_workers_than_allowed_and_idle_ones_end() {
    let size = PoolSize { workers: 2, idle: Duration::from_millis(200), ..PoolSize::default() };
    let (pool, attempts) = (pool(size), [attempt(), attempt(), attempt()]);
    for (i, attempt) in attempts.iter().enumerate() {
        let mut launch = launch(attempt);
        launch.model = format!("Owner/Title{i}").parse().unwrap();
        inputs(&defaults(&pool, &launch, json!({})).await);
        let (idle, busy) = pool.workers();
        assert!(idle <= 2 && busy == 0);
    }
    while pool.workers() != (0, 0) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_caller_that_goes_away_leaves_no_stale_answer() {
    let (attempt, pool) = (attempt(), pool(PoolSize::default()));
    let launch = launch(&attempt);
    let (pid, _) = inputs(&defaults(&pool, &launch, json!({})).await);
    let slow = defaults(&pool, &launch, json!({"sleep": 30}));
    assert!(tokio::time::timeout(Duration::from_millis(100), slow).await.is_err());
    let (other, count) = inputs(&defaults(&pool, &launch, json!({})).await);
    assert!(other != pid && count == 1);
}

#[tokio::test]
async fn command_models_run_a_process_a_request() {
    let attempt = Attempt::command("echo '{\"version\": \"7\"}'").with("task", "version");
    let pool = pool(PoolSize::default());
    let result = pool.run(&launch(&attempt), &serde_json::Map::new(), BTreeMap::new()).await;
    assert_eq!(result.outputs, Some(json!({"version": "7"})));
    assert_eq!(pool.workers(), (0, 0));
}
