use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::Deployed;
use super::inputs::InputsServers;
use crate::job::kubernetes::{Credentials, Manifest, SUBMITTED_ANNOTATION};
use crate::job::{AttemptKey, AttemptSpec, RuntimeError};
use crate::model::{JobId, Model, TaskKwargs, TaskName, TaskResult};
use crate::render::job::{JobRun, instantiate};
use crate::services::dispatch::ModelHost;
use crate::store::{Claims, ClusterKey, StartedAttempt};

/// Runs models in their images: simulations as Jobs, short tasks by inputs servers.
pub(super) struct ClusterHost {
    pub(super) deployed: Deployed,
    pub(super) inputs: Arc<InputsServers>,
}

#[async_trait]
impl ModelHost for ClusterHost {
    async fn prepare(&self, model: &Model) -> Result<(), String> {
        match self.deployed.get(&model.name) {
            Some(_) => Ok(()),
            None => Err(not_deployed(model)),
        }
    }

    async fn spec(&self, model: &Model, started: &StartedAttempt) -> Result<AttemptSpec, String> {
        let job = &started.job;
        Ok(AttemptSpec {
            key: AttemptKey { id: job.id.clone(), attempt: job.attempt },
            model: model.name.clone(),
            task: job.task,
            token: started.token.clone(),
            exp_task_time: model.exp_task_time,
            // Both are in the Job's template.
            outputs_processor: None,
            secrets: BTreeMap::new(),
            launch: json!({ TAG: job.tag, SUBMITTED: job.created_at }),
            kwargs: started.kwargs.clone()?,
        })
    }

    async fn answer(
        &self,
        model: &Model,
        id: &JobId,
        task: TaskName,
        kwargs: TaskKwargs,
    ) -> Result<TaskResult, String> {
        self.prepare(model).await?;
        self.inputs.ask(model, id, task, &kwargs).await
    }
}

/// In a spec's `launch`: the image tag that was asked for.
const TAG: &str = "tag";
/// And when it was.
const SUBMITTED: &str = "submitted";

/// What an attempt's executor proves itself with, and the key to its inputs. Both count for this job alone, and only
/// until it has ended.
pub(super) fn credentials(key: ClusterKey) -> Arc<Credentials> {
    Arc::new(move |attempt, model, task| {
        let claims = Claims { id: attempt.id.clone(), attempt: attempt.attempt, model: model.clone(), task };
        BTreeMap::from([
            ("CSW_JOB_TOKEN".to_owned(), key.attempt_token(&claims).0.into()),
            ("CSW_JOB_KEY".to_owned(), key.job_key(&attempt.id).to_text()),
        ])
    })
}

/// Makes an attempt's Job from the model's template.
pub(super) fn manifest(deployed: Deployed) -> Arc<Manifest> {
    Arc::new(move |spec: &AttemptSpec| {
        let wrong = |reason: String| RuntimeError::Manifest { key: spec.key.to_string(), reason };
        let model =
            deployed.get(&spec.model).ok_or_else(|| wrong(format!("{} is not deployed", spec.model)))?;
        let submitted = spec.launch.get(SUBMITTED).and_then(Value::as_str).into_iter();
        let submitted = submitted.map(|at| (SUBMITTED_ANNOTATION.to_owned(), at.to_owned()));
        let run = JobRun {
            id: &spec.key.id,
            tag: spec.launch.get(TAG).and_then(Value::as_str),
            annotations: &submitted.collect(),
        };
        Ok(instantiate(&model.template, &run).map_err(|e| wrong(e.to_string()))?.into_value())
    })
}

pub(super) fn not_deployed(model: &Model) -> String {
    let name = &model.name;
    format!("{name} is not deployed on this cluster; deploy it: `csw models -n {name} apply`")
}
