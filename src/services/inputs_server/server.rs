use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use quick_cache::sync::Cache;
use secrecy::SecretString;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;
use url::Url;

use crate::executor::{ExecutorError, Launch, PoolSize, Recipient, WorkerPool};
use crate::model::{JobId, Outcome, TaskKwargs, TaskName, TaskResult};

/// Answers that are remembered. A model asks for one a set of meta parameters, and they may be large.
const REMEMBERED: usize = 64;

/// How much an inputs server does at once, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct ServerLimits {
    /// Worker processes: so many requests are answered at once.
    pub workers: NonZeroUsize,
    /// Requests that may wait for a worker; more are told to come again.
    pub waiting: usize,
    /// The longest that a request may take.
    pub request: Duration,
    /// Bytes above which a worker that has answered is ended instead of kept: memory that a model leaks.
    pub keep_below: Option<u64>,
}

/// Runs the short tasks of one model in warm workers. Cheap to clone.
#[derive(Clone)]
pub struct InputsServer(Arc<Inner>);

struct Inner {
    launch: Launch,
    secrets: BTreeMap<String, SecretString>,
    outputs_processor: Option<Url>,
    pool: WorkerPool,
    admitted: Arc<Semaphore>,
    answers: Cache<String, Arc<TaskResult>>,
    later: TaskTracker,
}

/// There is no room for another request now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("as many requests wait as may; try again in a moment")]
pub(super) struct Full;

impl InputsServer {
    /// A server of the model that `launch` tells how to run (its task and id don't matter). Results of tasks that
    /// nobody waits for go to the outputs processor at that base URL.
    pub fn new(
        launch: Launch,
        secrets: BTreeMap<String, SecretString>,
        outputs_processor: Option<Url>,
        limits: ServerLimits,
    ) -> Self {
        let workers = limits.workers.get();
        let pool = WorkerPool::new(PoolSize {
            workers,
            per_model: workers,
            // Scaling to zero is the scheduler's; as long as this runs, its workers are warm.
            idle: Duration::from_secs(24 * 3600),
            request: limits.request,
            keep_below: limits.keep_below,
        });
        Self(Arc::new(Inner {
            launch,
            secrets,
            outputs_processor,
            pool,
            admitted: Arc::new(Semaphore::new(workers.saturating_add(limits.waiting))),
            answers: Cache::new(REMEMBERED),
            later: TaskTracker::new(),
        }))
    }

    /// Starts a worker and lets it import the model, so that the first request doesn't wait for that.
    pub async fn warm_up(&self) {
        let result = self.answer(JobId::random(), TaskName::Version, TaskKwargs::new()).await;
        if let Ok(TaskResult { traceback: Some(why), .. }) = result {
            tracing::warn!("{} does not tell its version: {why}", self.0.launch.model);
        }
    }

    /// The result of a task. `version` and `defaults` of the same arguments are asked of the model once: the model in
    /// an image does not change.
    pub(super) async fn answer(
        &self,
        id: JobId,
        task: TaskName,
        kwargs: TaskKwargs,
    ) -> Result<TaskResult, Full> {
        if !matches!(task, TaskName::Version | TaskName::Defaults) {
            return self.ask(id, task, kwargs).await;
        }
        let key = format!("{task} {}", serde_json::Value::Object(kwargs.clone()));
        // Who asks the same meanwhile waits for this answer.
        let asked = self.0.answers.get_or_insert_async(&key, async {
            match self.ask(id.clone(), task, kwargs).await {
                Ok(result) if result.status == Outcome::Success => Ok(Arc::new(result)),
                // The next one may succeed.
                other => Err(other),
            }
        });
        match asked.await {
            Ok(result) => Ok(TaskResult { task_id: id, ..TaskResult::clone(&result) }),
            Err(other) => other,
        }
    }

    /// Runs a task after its caller has been answered, and hands the result to the outputs processor. It is lost if
    /// this server ends before: whoever hands over a task and gets no result asks again.
    pub(super) fn answer_later(
        &self,
        id: JobId,
        task: TaskName,
        kwargs: TaskKwargs,
        token: SecretString,
        outputs_processor: Url,
    ) -> Result<(), Full> {
        let admitted = Arc::clone(&self.0.admitted).try_acquire_owned().map_err(|_| Full)?;
        let this = self.clone();
        self.0.later.spawn(async move {
            let result = this.run(id.clone(), task, kwargs).await;
            drop(admitted);
            if let Err(e) = Recipient::new(outputs_processor, token).deliver(task, result).await {
                let e: ExecutorError = e;
                tracing::error!("the result of {id} is lost: {e}");
            }
        });
        Ok(())
    }

    /// Where results of [`InputsServer::answer_later`] go.
    pub(super) fn outputs_processor(&self) -> Option<&Url> {
        self.0.outputs_processor.as_ref()
    }

    /// Waits for what runs after its caller has been answered.
    pub async fn finish(&self) {
        self.0.later.close();
        self.0.later.wait().await;
    }

    async fn ask(&self, id: JobId, task: TaskName, kwargs: TaskKwargs) -> Result<TaskResult, Full> {
        let _admitted = self.0.admitted.try_acquire().map_err(|_| Full)?;
        Ok(self.run(id, task, kwargs).await)
    }

    async fn run(&self, id: JobId, task: TaskName, kwargs: TaskKwargs) -> TaskResult {
        let launch = Launch { task_id: id, task, ..self.0.launch.clone() };
        self.0.pool.run(&launch, &kwargs, self.0.secrets.clone()).await
    }
}
