//! Executors and models that cost nothing.

use std::time::Duration;

use async_trait::async_trait;
use csw::job::{AttemptEnd, AttemptKey, AttemptSpec, AttemptState, JobRuntime, LogStream, RuntimeError};
use csw::model::{JobId, Model, Outcome, TaskKwargs, TaskMeta, TaskName, TaskResult};
use csw::services::dispatch::ModelHost;
use csw::store::StartedAttempt;
use serde_json::json;

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
pub struct Instantly;

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
pub struct Ready;

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
        Ok(result(id))
    }
}
