//! Starting 1,000 accepted simulations on a real cluster, in turns with a bare loop that makes the same Jobs.
//!
//! Run with `CSW_TEST_KUBECONFIG=FILE cargo bench --bench dispatch`; `CSW_BENCH_JOBS` sets another number. The Jobs have no
//! pods (`parallelism: 0`). Measured is the dispatcher from its start on (the queue is full then) until it watches all
//! jobs, with everything that it keeps durably; the loop has as many requests under way. Requests are counted in the
//! server's own metrics. Targets: at most 1.3 times the loop's time, and one request a job.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::expect_used,
    clippy::indexing_slicing
)]

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use csw::job::kubernetes::{KubernetesJobs, KubernetesRuntime};
use csw::job::{AttemptKey, AttemptSpec};
use csw::kube::{Access, Cluster, DEFAULT_CONCURRENCY, Resource};
use csw::model::{GroupVersionKind, JobId, Model, TaskKwargs, TaskName, TaskResult};
use csw::services::api::ApiError;
use csw::services::dispatch::{Dispatcher, Limits, ModelHost};
use csw::services::models::Models;
use csw::services::outputs_processor::wire::{ResultsPage, ResultsQuery, RetriedResult};
use csw::services::results::{Results, ResultsError};
use csw::store::{AttemptToken, EmbeddedStore, JobStore, Recorded, StartedAttempt, Submission, WatchedStore};
use futures::{StreamExt, stream};
use serde_json::{Value, json};

const JOBS: usize = 1_000;
const ROUNDS: usize = 7;
const SLOWER: f64 = 1.3;

#[tokio::main]
async fn main() {
    let Ok(kubeconfig) = std::env::var("CSW_TEST_KUBECONFIG") else {
        println!("left out: CSW_TEST_KUBECONFIG names no kubeconfig");
        return;
    };
    let jobs = std::env::var("CSW_BENCH_JOBS").ok().map_or(JOBS, |n| n.parse().expect("a number"));
    let (mut bare, mut dispatched) = (Vec::new(), Vec::new());
    let mut sent = 0;
    for round in 0..ROUNDS {
        let space = Namespace::new(&kubeconfig, &format!("csw-bench-{}-{round}-bare", std::process::id()));
        let cluster = space.cluster().await;
        let begun = cpu();
        bare.push(by_loop(&cluster, &space.name, jobs).await);
        let loops = cpu() - begun;
        drop(space);
        let space = Namespace::new(&kubeconfig, &format!("csw-bench-{}-{round}", std::process::id()));
        let cluster = space.cluster().await;
        let begun = cpu();
        let (time, requests) = by_dispatcher(cluster, jobs).await;
        let dispatchers = cpu() - begun;
        dispatched.push(time);
        sent = sent.max(requests);
        println!(
            "round {round}: loop {:.2} s ({loops:.2?} of a processor), dispatcher {:.2} s ({dispatchers:.2?}, with \
             accepting the jobs)",
            bare[round], dispatched[round]
        );
    }
    bare.sort_by(f64::total_cmp);
    dispatched.sort_by(f64::total_cmp);
    let ratio = dispatched[ROUNDS / 2] / bare[ROUNDS / 2];
    let met = |met: bool| if met { "met" } else { "MISSED" };
    println!("{jobs} Jobs, {DEFAULT_CONCURRENCY} requests at a time, median of {ROUNDS}: ratio {ratio:.2}");
    println!("target {SLOWER}: {}", met(ratio <= SLOWER));
    println!("at most {sent} requests that write Jobs, target {jobs}: {}", met(sent <= jobs as u64));
}

/// Processor time of this process so far.
fn cpu() -> Duration {
    let t = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(u64::try_from(t.tv_sec).unwrap(), u32::try_from(t.tv_nsec).unwrap())
}

/// A namespace that goes with it.
struct Namespace {
    name: String,
    kubeconfig: String,
}

impl Namespace {
    fn new(kubeconfig: &str, name: &str) -> Self {
        let space = Self { name: name.to_owned(), kubeconfig: kubeconfig.to_owned() };
        space.kubectl(&["create", "namespace", name]);
        space
    }

    fn kubectl(&self, args: &[&str]) {
        let mut command = Command::new("kubectl");
        let status = command.args(args).env("KUBECONFIG", &self.kubeconfig).stdout(Stdio::null()).status();
        assert!(status.unwrap().success(), "{args:?}");
    }

    async fn cluster(&self) -> Cluster {
        let access = Access {
            kubeconfig: Some(self.kubeconfig.clone().into()),
            namespace: Some(self.name.clone()),
            ..Access::default()
        };
        let cluster = access.connect().await.unwrap();
        // Connections and discovery are no part of either.
        cluster.minor_version().await.unwrap();
        cluster
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // Until it is gone: the next measurement has the server for itself.
        self.kubectl(&["delete", "namespace", &self.name]);
    }
}

fn resource() -> Resource {
    Resource {
        gvk: GroupVersionKind::new("batch/v1", "Job"),
        plural: "jobs".to_owned(),
        namespaced: true,
        verbs: Vec::new(),
    }
}

fn manifest() -> Value {
    let labels = json!({"app": "bench-model-job"});
    json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"labels": labels}, "spec": {
        "parallelism": 0, "backoffLimit": 1, "activeDeadlineSeconds": 3600, "template": {
            "metadata": {"labels": labels}, "spec": {"restartPolicy": "Never", "containers": [{
                "name": "job", "image": "csw-test/busybox:1",
                "env": [{"name": "OWNER", "value": "Bench"}, {"name": "TITLE", "value": "Model"}],
                "resources": {"requests": {"cpu": "1", "memory": "1G"}, "limits": {"cpu": "1", "memory": "1G"}}}]}}}})
}

async fn by_loop(cluster: &Cluster, namespace: &str, jobs: usize) -> f64 {
    let bodies = (0..jobs).map(|_| {
        let id = JobId::random();
        let mut body = manifest();
        body["metadata"]["name"] = id.as_str().into();
        // What the runtime adds.
        body["metadata"]["annotations"] =
            json!({"csw/model": "Bench/Model", "csw/task": "sim", "csw/request": "0".repeat(64)});
        for labels in ["/metadata/labels", "/spec/template/metadata/labels"] {
            let labels = body.pointer_mut(labels).unwrap();
            (labels["job-id"], labels["attempt"]) = (id.as_str().into(), "1".into());
        }
        body
    });
    let bodies: Vec<Value> = bodies.collect();
    let started = Instant::now();
    stream::iter(&bodies)
        .map(async |body| {
            cluster.create(&resource(), namespace, body, "create a job").await.unwrap();
        })
        .buffer_unordered(DEFAULT_CONCURRENCY)
        .collect::<Vec<()>>()
        .await;
    started.elapsed().as_secs_f64()
}

/// Seconds, and how many requests that write Jobs the server has answered meanwhile.
async fn by_dispatcher(cluster: Cluster, jobs: usize) -> (f64, u64) {
    // Not in memory, where nothing is durable.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let dir = tempfile::Builder::new().prefix("dispatch-").tempdir_in(target).unwrap();
    let store = Arc::new(WatchedStore::new(Arc::new(EmbeddedStore::open(dir.path()).unwrap())));
    let model: Model = serde_json::from_value(model()).unwrap();
    let submissions = (0..jobs).map(|n| Submission {
        id: JobId::random(),
        model: model.name.clone(),
        task: TaskName::Sim,
        kwargs: json!({"adjustment": {"n": n}}).as_object().unwrap().clone(),
        tag: None,
    });
    stream::iter(submissions.collect::<Vec<_>>())
        .map(async |submission| drop(store.submit(submission).await.unwrap()))
        .buffer_unordered(64)
        .collect::<Vec<()>>()
        .await;
    let make = Arc::new(|_: &AttemptSpec| Ok(manifest()));
    let runtime = KubernetesRuntime::start(KubernetesJobs::new(cluster.clone()), make).await.unwrap();
    let dispatcher = Dispatcher::new(
        Arc::clone(&store),
        Arc::new(runtime),
        Arc::new(Ready),
        Arc::new(Nowhere),
        Models::new([model]),
        Limits { max_jobs: jobs, max_lost: 1, ..Limits::default() },
    );
    let before = requests(&cluster).await;
    let started = Instant::now();
    let running = tokio::spawn({
        let dispatcher = dispatcher.clone();
        async move { dispatcher.run().await }
    });
    while dispatcher.running() < jobs {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let time = started.elapsed().as_secs_f64();
    let after = requests(&cluster).await;
    running.abort();
    (time, after.checked_sub(before).expect("the server was restarted meanwhile: run this again"))
}

async fn requests(cluster: &Cluster) -> u64 {
    let (metrics, _) = cluster.get_text("/metrics", "read the server's metrics").await.unwrap();
    metrics
        .lines()
        .filter(|l| l.starts_with("apiserver_request_total{") && l.contains("resource=\"jobs\""))
        // The Job controller writes the status.
        .filter(|l| l.contains("subresource=\"\""))
        .filter(|l| ["\"POST\"", "\"PATCH\"", "\"PUT\"", "\"DELETE\""].iter().any(|v| l.contains(v)))
        .filter_map(|l| l.rsplit_once(' ')?.1.parse::<f64>().ok())
        .sum::<f64>() as u64
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
            kwargs: started.kwargs.clone()?,
        })
    }

    async fn answer(
        &self,
        _model: &Model,
        _id: &JobId,
        _task: TaskName,
        _kwargs: TaskKwargs,
    ) -> Result<TaskResult, String> {
        Err("not here".to_owned())
    }
}

/// Nothing ends here.
struct Nowhere;

#[async_trait]
impl Results for Nowhere {
    async fn take(
        &self,
        _token: &AttemptToken,
        _task: TaskName,
        _result: TaskResult,
    ) -> Result<Recorded, ResultsError> {
        Ok(Recorded::Fenced)
    }

    async fn note_delivered(&self, _token: &AttemptToken, _id: &JobId) -> Result<bool, ResultsError> {
        Ok(true)
    }

    async fn find(&self, _id: &JobId) -> Result<Option<TaskResult>, ResultsError> {
        Ok(None)
    }

    async fn outputs(&self, _result: &TaskResult) -> Result<Value, ResultsError> {
        Ok(Value::Null)
    }

    async fn refuse(&self, _id: &JobId) -> Result<bool, ResultsError> {
        Ok(true)
    }

    async fn undelivered(&self, _query: &ResultsQuery) -> Result<ResultsPage, ApiError> {
        Ok(ResultsPage { results: Vec::new(), next: None })
    }

    async fn retry(&self, id: &JobId) -> Result<RetriedResult, ApiError> {
        Err(ApiError::no_such_job(id))
    }
}

fn model() -> Value {
    let resources = json!({"cpu": "1", "memory": "1G"});
    json!({
        "name": "Bench/Model", "entry": {"command": {"argv": ["true"]}}, "cluster_type": "single-core",
        "replicas": 1, "resources": {"requests": resources, "limits": resources}, "sim_time_limit": 60.0,
        "env": {}, "secrets": [], "listed": true, "skip_test": false,
    })
}
