//! The dispatcher with Jobs of a cluster: what it makes of a cluster that takes none, and of how they end.

use crate::support::on_each_cluster;
use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use csw::job::kubernetes::{KubernetesJobs, KubernetesRuntime};
use csw::job::{AttemptKey, AttemptSpec};
use csw::model::{Job, JobId, JobStatus, Model, Outcome, TaskKwargs, TaskMeta, TaskName, TaskResult};
use csw::services::api::ApiError;
use csw::services::dispatch::{Dispatcher, Limits, ModelHost};
use csw::services::models::Models;
use csw::services::outputs_processor::wire::{ResultsPage, ResultsQuery, RetriedResult};
use csw::services::results::{Results, ResultsError};
use csw::store::{
    AttemptToken, EmbeddedStore, JobStore, Recorded, StartedAttempt, Submission, Submitted, WatchedStore,
};
use serde_json::{Value, json};

use super::api::Api;
use super::kubernetes::{bed, manifest};

/// An outputs processor to which executors have delivered these jobs' results. It takes only failures from others.
struct Delivered {
    store: Arc<WatchedStore>,
    ids: Mutex<HashSet<JobId>>,
    /// How often it will be away before it answers.
    away: AtomicUsize,
}

impl Delivered {
    fn here(&self) -> Result<(), ResultsError> {
        let away = self.away.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        let reason = "connection refused".to_owned();
        away.map_or(Ok(()), |_| Err(ResultsError::Away { url: "http://outputs-processor/".into(), reason }))
    }
}

#[async_trait]
impl Results for Delivered {
    async fn take(
        &self,
        token: &AttemptToken,
        _task: TaskName,
        result: TaskResult,
    ) -> Result<Recorded, ResultsError> {
        self.here()?;
        if result.status == Outcome::Success {
            return Err(ResultsError::No { status: 413, reason: "too large".into() });
        }
        Ok(self.store.record(token, result, false).await?)
    }

    async fn note_delivered(&self, token: &AttemptToken, id: &JobId) -> Result<bool, ResultsError> {
        self.here()?;
        if !self.ids.lock().unwrap().contains(id) {
            return Ok(false);
        }
        self.store.record(token, success(id), false).await?;
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

fn success(id: &JobId) -> TaskResult {
    TaskResult {
        task_id: id.clone(),
        status: Outcome::Success,
        meta: TaskMeta { task_times: Vec::new() },
        model_version: None,
        outputs: Some(json!({})),
        version: None,
        traceback: None,
    }
}

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
        id: &JobId,
        _task: TaskName,
        _kwargs: TaskKwargs,
    ) -> Result<TaskResult, String> {
        Ok(success(id))
    }
}

/// A scheduler's inside, without its HTTP face.
struct Inside {
    dispatcher: Dispatcher,
    store: Arc<WatchedStore>,
    results: Arc<Delivered>,
    _dir: tempfile::TempDir,
}

impl Inside {
    /// Every simulation is this script.
    async fn start(jobs: KubernetesJobs, script: &'static str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Arc::new(WatchedStore::new(Arc::new(EmbeddedStore::open(dir.path()).unwrap())));
        let make = move |spec: &AttemptSpec| Ok(manifest(spec, script));
        let runtime = KubernetesRuntime::start(jobs, Arc::new(make)).await.unwrap();
        let results = Arc::new(Delivered {
            store: Arc::clone(&store),
            ids: Mutex::default(),
            away: AtomicUsize::new(0),
        });
        let resources = json!({"cpu": "1", "memory": "1G"});
        let model = json!({
            "name": "Examples/Echo", "entry": {"command": {"argv": ["true"]}}, "cluster_type": "single-core",
            "replicas": 1, "resources": {"requests": resources, "limits": resources}, "sim_time_limit": 60.0,
            "env": {}, "secrets": [], "listed": true, "skip_test": false,
        });
        let dispatcher = Dispatcher::new(
            Arc::clone(&store),
            Arc::new(runtime),
            Arc::new(Ready),
            Arc::clone(&results) as _,
            Models::new([serde_json::from_value(model).unwrap()]),
            Limits { max_jobs: 100, max_lost: 1, grace: Duration::from_secs(1), ..Limits::default() },
        );
        dispatcher.reconcile().await.unwrap();
        let running = dispatcher.clone();
        tokio::spawn(async move { running.run().await });
        Self { dispatcher, store, results, _dir: dir }
    }

    async fn submit(&self, id: &str) {
        self.submit_task(id, TaskName::Sim).await;
    }

    async fn submit_task(&self, id: &str, task: TaskName) {
        let submission = Submission {
            id: id.parse().unwrap(),
            model: "Examples/Echo".parse().unwrap(),
            task,
            kwargs: TaskKwargs::new(),
            tag: None,
        };
        let Submitted::Created(job) = self.store.submit(submission).await.unwrap() else { panic!() };
        self.dispatcher.accepted(&job);
    }

    fn delivers(&self, id: &str) {
        self.results.ids.lock().unwrap().insert(id.parse().unwrap());
    }

    async fn until(&self, id: &str, done: impl Fn(&Job) -> bool) -> Job {
        let mut changes = self.store.changes();
        loop {
            let job = self.store.get(&id.parse().unwrap()).await.unwrap().unwrap();
            if done(&job) {
                return job;
            }
            changes.changed().await.unwrap();
        }
    }

    async fn traceback(&self, id: &str) -> String {
        self.store.result(&id.parse().unwrap()).await.unwrap().unwrap().traceback.unwrap()
    }
}

#[tokio::test]
async fn a_server_that_takes_no_jobs_for_now_leaves_them_in_the_queue() {
    for (refusal, words) in [
        ((503, "ServiceUnavailable", "the server is starting"), "the server is starting"),
        (
            (
                403,
                "Forbidden",
                "jobs.batch \"a\" is forbidden: exceeded quota: q, requested: count/jobs.batch=1",
            ),
            "exceeded quota: q",
        ),
        ((403, "Forbidden", "jobs.batch is forbidden: User \"x\" cannot create"), "cannot create"),
    ] {
        let api = Api::start().await;
        let inside = Inside::start(api.jobs().await, "exit 0").await;
        api.refuse(Some(refusal));
        inside.submit("a").await;
        inside.submit("b").await;
        inside.delivers("a");
        inside.delivers("b");
        let waits = |job: &Job| job.status == JobStatus::Pending && job.reason.is_some();
        let job = inside.until("a", waits).await;
        assert!(job.reason.as_ref().unwrap().contains(words), "{job:?}");
        assert_eq!(job.attempt, 0, "no attempt was made");
        let says = |job: &Job| inside.dispatcher.reason(job).is_some_and(|r| r.contains(words));
        inside.until("b", |job| job.status == JobStatus::Pending && says(job)).await;
        api.refuse(None);
        for id in ["a", "b"] {
            inside.until(id, |job| job.status == JobStatus::Running).await;
            while !api.names().contains(&id.to_owned()) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            api.complete(id);
            let job = inside.until(id, |job| job.status.is_final()).await;
            assert_eq!((job.status, job.attempt), (JobStatus::Success, 1), "{job:?}");
        }
    }
}

#[tokio::test]
async fn a_job_that_the_server_will_never_take_fails() {
    let api = Api::start().await;
    let inside = Inside::start(api.jobs().await, "exit 0").await;
    api.refuse(Some((
        422,
        "Invalid",
        "Job.batch \"a\" is invalid: spec.template.spec.containers[0].image: Required",
    )));
    inside.submit("a").await;
    let job = inside.until("a", |job| job.status.is_final()).await;
    assert_eq!(job.status, JobStatus::Fail);
    let traceback = inside.traceback("a").await;
    assert!(traceback.contains("containers[0].image: Required"), "{traceback}");
}

#[tokio::test]
async fn jobs_end_when_what_takes_their_results_has_come_back() {
    let api = Api::start().await;
    let inside = Inside::start(api.jobs().await, "exit 0").await;
    for (id, delivered, ends) in [("a", true, JobStatus::Success), ("b", false, JobStatus::Fail)] {
        inside.results.away.store(3, Ordering::SeqCst);
        if delivered {
            inside.delivers(id);
        }
        inside.submit(id).await;
        inside.until(id, |job| job.status == JobStatus::Running).await;
        while !api.names().contains(&id.to_owned()) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        api.complete(id);
        let job = inside.until(id, |job| job.status.is_final()).await;
        assert_eq!((job.status, job.attempt), (ends, 1), "{job:?}");
        assert_eq!(inside.results.away.load(Ordering::SeqCst), 0);
    }
}

#[tokio::test]
async fn a_result_that_can_not_be_stored_makes_its_job_fail() {
    let api = Api::start().await;
    let inside = Inside::start(api.jobs().await, "exit 0").await;
    inside.submit_task("a", TaskName::Parse).await;
    let job = inside.until("a", |job| job.status.is_final()).await;
    assert_eq!(job.status, JobStatus::Fail);
    let traceback = inside.traceback("a").await;
    assert_eq!(traceback, "The result can't be stored: the outputs processor refused (413): too large");
}

on_each_cluster!(
    #[tokio::test]
    a_quota_of_a_real_server_is_waited_for
);

async fn a_quota_of_a_real_server_is_waited_for() {
    let Some(bed) = bed().await else { return };
    let quota = |hard: &str| {
        let spec = json!({"apiVersion": "v1", "kind": "ResourceQuota",
            "metadata": {"name": "few", "namespace": bed.space.name}, "spec": {"hard": {"count/jobs.batch": hard}}});
        bed.space.apply_by_kubectl(&spec.to_string());
    };
    quota("0");
    let refused = || {
        let probe = ["create", "job", "probe", "--image=csw-test/busybox:1", "--dry-run=server"];
        String::from_utf8_lossy(&bed.space.kubectl_output(&probe).stderr).contains("exceeded quota")
    };
    while !refused() {}
    let inside = Inside::start(bed.jobs.clone(), "exit 0").await;
    inside.delivers("a");
    inside.submit("a").await;
    let job = inside.until("a", |job| job.status == JobStatus::Pending && job.reason.is_some()).await;
    assert!(job.reason.as_ref().unwrap().contains("exceeded quota: few"), "{job:?}");
    quota("5");
    let job = inside.until("a", |job| job.status.is_final()).await;
    assert_eq!((job.status, job.attempt), (JobStatus::Success, 1), "{job:?}");
}

on_each_cluster!(
    #[tokio::test]
    an_end_without_a_result_is_told_with_the_end_of_the_log
);

async fn an_end_without_a_result_is_told_with_the_end_of_the_log() {
    let Some(bed) = bed().await else { return };
    let inside = Inside::start(bed.jobs.clone(), "echo working; exit 3").await;
    inside.submit("a").await;
    inside.submit("b").await;
    inside.delivers("b");
    let job = inside.until("a", |job| job.status.is_final()).await;
    assert_eq!((job.status, job.attempt), (JobStatus::Fail, 1));
    assert_eq!(
        inside.traceback("a").await,
        "End of its log:\nworking\n\nthe simulation ended without a result: its executor exited with code 3"
    );
    // What was delivered counts, however its executor ended.
    let job = inside.until("b", |job| job.status.is_final()).await;
    assert_eq!(job.status, JobStatus::Success);
}

on_each_cluster!(
    #[tokio::test]
    nothing_is_left_of_a_job_that_is_cancelled
);

async fn nothing_is_left_of_a_job_that_is_cancelled() {
    let Some(bed) = bed().await else { return };
    let inside = Inside::start(bed.jobs.clone(), "trap '' TERM; while :; do sleep 0.1; done").await;
    inside.submit("a").await;
    inside.until("a", |job| job.status == JobStatus::Running).await;
    let pods =
        || bed.space.kubectl(&["get", "pods", "-l", "job-id=a", "-o", "jsonpath={.items[*].status.phase}"]);
    // With pauses: the dispatcher lives on this thread too.
    while pods() != "Running" {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let job = inside.dispatcher.cancel(&"a".parse().unwrap(), "cancelled").await.unwrap().unwrap();
    assert_eq!(job.status, JobStatus::Cancelled);
    let left = || bed.space.kubectl(&["get", "jobs,pods", "-o", "name"]);
    while inside.dispatcher.running() > 0 || !left().is_empty() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
