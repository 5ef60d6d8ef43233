//! What a model's function answered, before it is a [`TaskResult`].

use serde_json::Value;

use super::validate;
use crate::model::{JobId, Outcome, TaskMeta, TaskName, TaskResult};

/// The answer of a model.
#[derive(Debug)]
pub(super) struct Reply {
    /// Seconds that the function took.
    pub(super) seconds: f64,
    /// The model's version, with simulations.
    pub(super) version: Option<String>,
    /// The function's result, or why there is none.
    pub(super) body: Result<Value, String>,
}

impl Reply {
    /// A failure that no function of the model could tell of itself.
    pub(super) fn failed(seconds: f64, why: impl Into<String>) -> Self {
        Self { seconds, version: None, body: Err(why.into()) }
    }

    /// The result as it goes out: SUCCESS only if it has the shape that the task asks for.
    pub(super) fn into_result(self, task_id: JobId, task: TaskName) -> TaskResult {
        let meta = TaskMeta { task_times: vec![self.seconds] };
        let body = self.body.and_then(|value| match validate::result(task, &value) {
            Ok(()) => Ok(value),
            Err(problem) => Err(problem),
        });
        match body {
            Ok(outputs) => TaskResult {
                task_id,
                status: Outcome::Success,
                meta,
                model_version: self.version,
                outputs: Some(outputs),
                version: (task == TaskName::Sim).then(|| "v1".to_owned()),
                traceback: None,
            },
            Err(traceback) => TaskResult { meta, ..TaskResult::failure(task_id, traceback) },
        }
    }
}
