use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use secrecy::SecretString;
use url::Url;

use super::Isolating;
use super::preparation_log::PreparationLog;
use crate::error::Diagnose as _;
use crate::executor::environment::{Environments, PrepareProgress, Prepared};
use crate::executor::{Launch, PoolSize, WorkerPool};
use crate::image;
use crate::job::{AttemptKey, AttemptSpec};
use crate::model::{Isolation, JobId, Model, ModelName, TaskKwargs, TaskName, TaskResult};
use crate::secret::{Scope, SecretBackend};
use crate::services::dispatch::ModelHost;
use crate::store::StartedAttempt;

/// How long short tasks take a prepared model to be up to date.
const FRESH: Duration = Duration::from_secs(2);

/// Runs models in environments on this machine.
pub struct LocalHost {
    environments: Environments,
    progress: Arc<dyn PrepareProgress>,
    secrets: Arc<dyn SecretBackend>,
    outputs_processor: Option<Url>,
    grace: Duration,
    prepared: Mutex<HashMap<ModelName, (Prepared, Instant)>>,
    /// What was done to make each model ready, the last time.
    logs: Mutex<HashMap<ModelName, Arc<PreparationLog>>>,
    workers: WorkerPool,
    isolating: Option<Isolating>,
}

impl LocalHost {
    /// `grace` is what a model gets to end after SIGTERM.
    pub fn new(
        environments: Environments,
        progress: Arc<dyn PrepareProgress>,
        secrets: Arc<dyn SecretBackend>,
        grace: Duration,
    ) -> Self {
        Self {
            environments,
            progress,
            secrets,
            outputs_processor: None,
            grace,
            prepared: Mutex::default(),
            logs: Mutex::default(),
            workers: WorkerPool::new(PoolSize::default()),
            isolating: None,
        }
    }

    /// Models are kept to what is theirs.
    #[must_use]
    pub fn isolating(mut self, isolating: Isolating) -> Self {
        self.isolating = Some(isolating);
        self
    }

    /// Executors of jobs post to the outputs processor at this base URL.
    #[must_use]
    pub fn posting_to(mut self, outputs_processor: Url) -> Self {
        self.outputs_processor = Some(outputs_processor);
        self
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
        let prepared = lock(&self.prepared).get(&model.name).map(|(prepared, _)| prepared.clone());
        let Prepared { workdir, python, commit, lock: _, env, reads } =
            prepared.ok_or_else(|| format!("{} is not prepared", model.name))?;
        let confinement = match &self.isolating {
            Some(isolating) => isolating.confinement(model, &workdir, reads)?,
            None => None,
        };
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
            confinement,
        })
    }
}

#[async_trait]
impl ModelHost for LocalHost {
    async fn prepare(&self, model: &Model) -> Result<(), String> {
        if self.isolating.as_ref().is_some_and(|i| i.level(model) == Isolation::Container) {
            image::engine_here().await.map_err(|e| {
                let hints = e.hints().join("; ");
                format!(
                    "{} is to run in a container: {e} ({hints}; or write `isolation: process` in its file)",
                    model.name
                )
            })?;
        }
        let log = Arc::new(PreparationLog::new(Arc::clone(&self.progress)));
        lock(&self.logs).insert(model.name.clone(), Arc::clone(&log));
        let prepared = self.environments.prepare(model, &*log).await.map_err(|e| e.story())?;
        lock(&self.prepared).insert(model.name.clone(), (prepared, Instant::now()));
        Ok(())
    }

    fn preparation_log(&self, model: &ModelName) -> String {
        lock(&self.logs).get(model).map(|log| log.text()).unwrap_or_default()
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
        let fresh = lock(&self.prepared).get(&model.name).is_some_and(|(_, at)| at.elapsed() < FRESH);
        if !fresh {
            self.prepare(model).await?;
        }
        let secrets = self.secrets(model).await?;
        let launch = self.launch(model, id, task, secrets.keys())?;
        Ok(self.workers.run(&launch, &kwargs, secrets).await)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
