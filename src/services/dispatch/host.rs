use async_trait::async_trait;

use crate::job::AttemptSpec;
use crate::model::{JobId, Model, ModelName, TaskKwargs, TaskName, TaskResult};
use crate::store::StartedAttempt;

/// Knows how a model's functions are run where the stack is: in environments on this machine, or in a cluster's
/// images. Errors are sentences for the person whose job it was.
#[async_trait]
pub trait ModelHost: Send + Sync + 'static {
    /// Makes everything ready that the model's executors need. Cheap when nothing has changed since the last time.
    async fn prepare(&self, model: &Model) -> Result<(), String>;

    /// What was done to make the model ready, the last time that it was; empty where nothing had to be.
    fn preparation_log(&self, _model: &ModelName) -> String {
        String::new()
    }

    /// What the attempt's executor is started with. The model is prepared.
    async fn spec(&self, model: &Model, started: &StartedAttempt) -> Result<AttemptSpec, String>;

    /// Runs a short task (`version`, `defaults`, `parse`) at once and without a job of its own. Prepares the model.
    async fn answer(
        &self,
        model: &Model,
        id: &JobId,
        task: TaskName,
        kwargs: TaskKwargs,
    ) -> Result<TaskResult, String>;
}
