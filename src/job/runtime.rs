use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::Stream;
use secrecy::SecretString;
use serde_json::Value;
use url::Url;

use super::{AttemptEnd, RuntimeError};
use crate::model::{JobId, ModelName, Seconds, TaskKwargs, TaskName, TaskResult};
use crate::store::AttemptToken;

/// Names one attempt of one job.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AttemptKey {
    /// The job.
    pub id: JobId,
    /// Which of its attempts, from 1.
    pub attempt: u32,
}

impl fmt::Display for AttemptKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (attempt {})", self.id, self.attempt)
    }
}

/// Everything that an executor is started with.
#[derive(Debug, Clone)]
pub struct AttemptSpec {
    /// Which attempt this is.
    pub key: AttemptKey,
    /// The model.
    pub model: ModelName,
    /// What to run.
    pub task: TaskName,
    /// What the executor proves itself with to the outputs processor.
    pub token: AttemptToken,
    /// How long a simulation of the model is expected to take.
    pub exp_task_time: Option<Seconds>,
    /// Base URL of the outputs processor, as the executor reaches it; ends in `/`. Without one the result is left for
    /// [`JobRuntime::spooled`].
    pub outputs_processor: Option<Url>,
    /// The model's secrets: environment variables of the executor, nothing else.
    pub secrets: BTreeMap<String, SecretString>,
    /// How the executor runs the model: an `executor::Launch`, as JSON.
    pub launch: Value,
    /// The function's arguments.
    pub kwargs: TaskKwargs,
}

/// Where an attempt stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttemptState {
    /// The runtime has no trace of it.
    Absent,
    /// Its executor lives.
    Running,
    /// Its executor has ended.
    Ended(AttemptEnd),
}

/// A log as it is written; ends when the executor has ended and all is delivered, or at once at its present end.
pub type LogStream = Pin<Box<dyn Stream<Item = std::io::Result<Bytes>> + Send>>;

/// Starts, watches and ends the executors of jobs: as child processes, containers or Kubernetes Jobs.
///
/// Executors outlive the program that started them: after a crash, [`JobRuntime::list`], [`JobRuntime::state`] and
/// [`JobRuntime::wait`] work on what an earlier run has left.
#[async_trait]
pub trait JobRuntime: Send + Sync + 'static {
    /// Starts an attempt. One that exists already is left as it is: calling it twice is calling it once.
    async fn create(&self, spec: &AttemptSpec) -> Result<(), RuntimeError>;

    /// Where an attempt stands.
    async fn state(&self, key: &AttemptKey) -> Result<AttemptState, RuntimeError>;

    /// Returns when the attempt's executor has ended and nothing of it runs any more; at once if there is no trace.
    async fn wait(&self, key: &AttemptKey) -> Result<AttemptEnd, RuntimeError>;

    /// Why an attempt that was created does not run (yet), if anything is known of it.
    fn waits(&self, _key: &AttemptKey) -> Option<String> {
        None
    }

    /// Asks the executor to end (it has `grace` for that), then ends it and everything it started. Returns when
    /// nothing of it runs any more.
    async fn stop(&self, key: &AttemptKey, grace: Duration) -> Result<(), RuntimeError>;

    /// The result that the executor has left for whoever comes later; `None` where it left none, or where the
    /// runtime has no place for one.
    async fn spooled(&self, key: &AttemptKey) -> Result<Option<TaskResult>, RuntimeError>;

    /// The attempt's log from its beginning; `None` if there is none (yet).
    async fn logs(&self, key: &AttemptKey, follow: bool) -> Result<Option<LogStream>, RuntimeError>;

    /// Adds to the log of an attempt that has no executor (yet), where the runtime keeps logs itself.
    async fn note(&self, _key: &AttemptKey, _text: &str) -> Result<(), RuntimeError> {
        Ok(())
    }

    /// The last lines of the log, at most `bytes` of them.
    async fn log_tail(&self, key: &AttemptKey, bytes: u64) -> Result<String, RuntimeError>;

    /// Bytes of what [`JobRuntime::delete`] would drop, where that is known.
    fn size(&self, _id: &JobId, _attempts: u32) -> u64 {
        0
    }

    /// Attempts that were created and not yet put away.
    async fn list(&self) -> Result<Vec<AttemptKey>, RuntimeError>;

    /// Drops everything of an ended attempt but its log.
    async fn put_away(&self, key: &AttemptKey) -> Result<(), RuntimeError>;

    /// Drops every trace of a job, logs included. The job must have ended.
    async fn delete(&self, id: &JobId, attempts: u32) -> Result<(), RuntimeError>;
}
