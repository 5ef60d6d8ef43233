use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;
use url::Url;

use crate::executor::{self, Launch, Sinks};
use crate::job::{AttemptKey, AttemptSpec};
use crate::model::{JobId, Model, ModelName, RepoLocation, TaskKwargs, TaskName, TaskResult};
use crate::secret::{Scope, SecretBackend};
use crate::services::dispatch::ModelHost;
use crate::store::StartedAttempt;

/// What a prepared model runs in.
#[derive(Debug, Clone)]
struct Prepared {
    workdir: std::path::PathBuf,
    python: Option<std::path::PathBuf>,
    commit: String,
    env: BTreeMap<String, String>,
}

/// Runs models in environments on this machine.
pub struct LocalHost {
    secrets: Arc<dyn SecretBackend>,
    outputs_processor: Url,
    grace: Duration,
    prepared: Mutex<HashMap<ModelName, Prepared>>,
}

impl LocalHost {
    /// `outputs_processor` is where executors post to; `grace` is what a model gets to end after SIGTERM.
    pub fn new(secrets: Arc<dyn SecretBackend>, outputs_processor: Url, grace: Duration) -> Self {
        Self { secrets, outputs_processor, grace, prepared: Mutex::default() }
    }

    fn prepared(&self, model: &Model) -> Result<Prepared, String> {
        let prepared = self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
        prepared.get(&model.name).cloned().ok_or_else(|| format!("{} is not prepared", model.name))
    }

    /// Every secret of the model; each that its configuration names must be there.
    async fn secrets(&self, model: &Model) -> Result<BTreeMap<String, SecretString>, String> {
        let scope = Scope::Model(model.name.clone());
        let entries = self
            .secrets
            .entries(&scope)
            .await
            .map_err(|e| format!("cannot read the secrets of {}: {e}", model.name))?;
        let found: BTreeMap<String, SecretString> = entries
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), value.expose().to_owned().into()))
            .collect();
        let missing: Vec<&str> =
            model.secrets.iter().filter(|name| !found.contains_key(*name)).map(String::as_str).collect();
        if missing.is_empty() {
            Ok(found)
        } else {
            let (name, list) = (&model.name, missing.join(", "));
            Err(format!(
                "{name} needs secrets that are not set: {list}; set them: `csw models -n {name} secrets set`"
            ))
        }
    }

    fn launch<'s>(
        &self,
        model: &Model,
        id: &JobId,
        task: TaskName,
        secrets: impl Iterator<Item = &'s String>,
    ) -> Result<Launch, String> {
        let Prepared { workdir, python, commit, env } = self.prepared(model)?;
        Ok(Launch {
            task_id: id.clone(),
            task,
            model: model.name.clone(),
            entry: model.entry.clone(),
            workdir,
            commit,
            python,
            env: env.into_iter().chain(model.env.clone()).collect(),
            secret_names: secrets.cloned().collect(),
            memory_bytes: Some(model.resources.limits.memory.bytes()),
            time_limit_seconds: Some(model.sim_time_limit.as_secs_f64()),
            grace_seconds: self.grace.as_secs_f64(),
        })
    }
}

#[async_trait]
impl ModelHost for LocalHost {
    async fn prepare(&self, model: &Model) -> Result<(), String> {
        let workdir = match &model.repo {
            Some(RepoLocation::Path(path)) => path.clone(),
            _ => return Err(format!("{} has no repository on this machine", model.name)),
        };
        let prepared = Prepared { workdir, python: None, commit: String::new(), env: BTreeMap::new() };
        self.prepared.lock().unwrap_or_else(PoisonError::into_inner).insert(model.name.clone(), prepared);
        Ok(())
    }

    async fn spec(&self, model: &Model, started: &StartedAttempt) -> Result<AttemptSpec, String> {
        let job = &started.job;
        let secrets = self.secrets(model).await?;
        let launch = self.launch(model, &job.id, job.task, secrets.keys())?;
        Ok(AttemptSpec {
            key: AttemptKey { id: job.id.clone(), attempt: job.attempt },
            model: model.name.clone(),
            task: job.task,
            token: started.token.clone(),
            exp_task_time: model.exp_task_time,
            outputs_processor: self.outputs_processor.clone(),
            secrets,
            launch: serde_json::to_value(&launch).map_err(|e| e.to_string())?,
            kwargs: started.kwargs.clone(),
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
        let secrets = self.secrets(model).await?;
        let launch = self.launch(model, id, task, secrets.keys())?;
        let sinks = Sinks {
            log: Box::new(std::io::sink()),
            secrets,
            cancel: tokio_util::sync::CancellationToken::new(),
        };
        Ok(executor::run(&launch, &kwargs, sinks).await)
    }
}
