//! Memory of the scheduler's whole path (store, dispatcher, results, bucket) while very many jobs go through.
//!
//! Executors are left out, so that a hundred thousand jobs take minutes: a runtime in this process has every result
//! ready. `cargo bench --bench flat_memory -- 100000` says how many.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use csw::job::{AttemptEnd, AttemptKey, AttemptSpec, AttemptState, JobRuntime, LogStream, RuntimeError};
use csw::model::{JobId, Model, Outcome, TaskKwargs, TaskMeta, TaskName, TaskResult};
use csw::outputs::Bucket;
use csw::services::dispatch::{Dispatcher, Limits, ModelHost};
use csw::services::models::Models;
use csw::services::outputs_processor::OutputsProcessor;
use csw::services::results::LocalResults;
use csw::store::{EmbeddedStore, JobStore, StartedAttempt, Submission, Submitted, WatchedStore};
use serde_json::json;

/// Jobs that wait at most: a submitter that is faster is held back here, not by the queue's memory.
const WAITING: u64 = 500;

fn main() {
    let count = std::env::args().filter_map(|arg| arg.parse().ok()).next_back().unwrap_or(20_000);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(run(count));
}

async fn run(count: u64) {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let dir = tempfile::Builder::new().prefix("flat-").tempdir_in(target).unwrap();
    let ledger = Arc::new(EmbeddedStore::open(dir.path()).unwrap());
    let store = Arc::new(WatchedStore::new(Arc::clone(&ledger) as _));
    let bucket = Bucket::open(dir.path().join("bucket").to_str().unwrap()).unwrap();
    let processor =
        OutputsProcessor::new(Arc::clone(&store) as _, ledger, bucket.clone(), None, Default::default());
    let results = Arc::new(LocalResults::new(processor, Arc::clone(&store) as _, bucket));
    let dispatcher = Dispatcher::new(
        Arc::clone(&store),
        Arc::new(Instantly),
        Arc::new(Ready),
        results,
        Models::new([model()]),
        Limits { max_jobs: 16, grace: Duration::from_secs(1), max_lost: 3, ..Limits::default() },
    );
    let running = tokio::spawn({
        let dispatcher = dispatcher.clone();
        async move { dispatcher.run().await }
    });
    let started = Instant::now();
    println!("{:>8} {:>9} {:>12}", "jobs", "RSS MiB", "jobs/second");
    for n in 0..count {
        let submission = Submission {
            id: format!("job-{n}").parse().unwrap(),
            model: "Bench/Model".parse().unwrap(),
            task: TaskName::Sim,
            kwargs: json!({"adjustment": {"n": n}}).as_object().unwrap().clone(),
            tag: None,
        };
        if let Submitted::Created(job) = store.submit(submission).await.unwrap() {
            dispatcher.accepted(&job);
        }
        until_pending(&store, WAITING).await;
        let done = n + 1;
        if [1_000, 10_000, 20_000, 50_000, 100_000].contains(&done) || done == count {
            until_pending(&store, 0).await;
            println!("{done:>8} {:>9.1} {:>12.0}", rss(), done as f64 / started.elapsed().as_secs_f64());
        }
    }
    dispatcher.stop().await;
    running.await.unwrap();
    assert_eq!(store.counts().await.unwrap().success, count);
}

async fn until_pending(store: &WatchedStore, at_most: u64) {
    let mut changes = store.changes();
    loop {
        let counts = store.counts().await.unwrap();
        if counts.pending <= at_most && (at_most > 0 || counts.running == 0) {
            return;
        }
        changes.changed().await.unwrap();
    }
}

fn rss() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse::<f64>().unwrap() / 1024.0
}

fn result(id: &JobId) -> TaskResult {
    let output = json!({"title": "Text", "media_type": "Text", "data": "of no importance"});
    TaskResult {
        task_id: id.clone(),
        status: Outcome::Success,
        meta: TaskMeta { task_times: vec![0.1] },
        model_version: Some("1".into()),
        outputs: Some(json!({"renderable": [], "downloadable": [output]})),
        version: Some("v1".into()),
        traceback: None,
    }
}

/// Executors that have ended as soon as they were started.
struct Instantly;

#[async_trait]
impl JobRuntime for Instantly {
    async fn create(&self, _spec: &AttemptSpec) -> Result<(), RuntimeError> {
        Ok(())
    }

    async fn state(&self, _key: &AttemptKey) -> Result<AttemptState, RuntimeError> {
        Ok(AttemptState::Ended(AttemptEnd::default()))
    }

    async fn wait(&self, _key: &AttemptKey) -> Result<AttemptEnd, RuntimeError> {
        Ok(AttemptEnd::default())
    }

    async fn stop(&self, _key: &AttemptKey, _grace: Duration) -> Result<(), RuntimeError> {
        Ok(())
    }

    async fn spooled(&self, key: &AttemptKey) -> Result<Option<TaskResult>, RuntimeError> {
        Ok(Some(result(&key.id)))
    }

    async fn logs(&self, _key: &AttemptKey, _follow: bool) -> Result<Option<LogStream>, RuntimeError> {
        Ok(None)
    }

    async fn log_tail(&self, _key: &AttemptKey, _bytes: u64) -> Result<String, RuntimeError> {
        Ok(String::new())
    }

    async fn list(&self) -> Result<Vec<AttemptKey>, RuntimeError> {
        Ok(Vec::new())
    }

    async fn put_away(&self, _key: &AttemptKey) -> Result<(), RuntimeError> {
        Ok(())
    }

    async fn delete(&self, _id: &JobId, _attempts: u32) -> Result<(), RuntimeError> {
        Ok(())
    }
}

/// A model that is always ready.
struct Ready;

#[async_trait]
impl ModelHost for Ready {
    async fn prepare(&self, _model: &Model) -> Result<(), String> {
        Ok(())
    }

    async fn spec(&self, model: &Model, started: &StartedAttempt) -> Result<AttemptSpec, String> {
        Ok(AttemptSpec {
            key: AttemptKey { id: started.job.id.clone(), attempt: started.job.attempt },
            model: model.name.clone(),
            task: started.job.task,
            token: started.token.clone(),
            exp_task_time: None,
            outputs_processor: None,
            secrets: Default::default(),
            launch: json!({}),
            kwargs: started.kwargs.clone(),
        })
    }

    async fn answer(
        &self,
        _model: &Model,
        id: &JobId,
        _task: TaskName,
        _kwargs: TaskKwargs,
    ) -> Result<TaskResult, String> {
        Ok(result(id))
    }
}

fn model() -> Model {
    let resources = json!({"cpu": "1", "memory": "1G"});
    let model = json!({
        "name": "Bench/Model", "entry": {"command": {"argv": ["true"]}},
        "cluster_type": "single-core", "replicas": 1, "resources": {"requests": resources, "limits": resources},
        "sim_time_limit": 60.0, "env": {}, "secrets": [], "listed": true, "skip_test": false,
    });
    serde_json::from_value(model).unwrap()
}
