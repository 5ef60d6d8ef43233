use std::sync::Arc;

use super::SchedulerState;
use super::wire::{Accepted, SubmitRequest};
use crate::model::{JobId, JobStatus, Model, ModelName, TaskKwargs, TaskName, TaskResult};
use crate::services::answer::to_json;
use crate::services::api::{ApiError, Body, Exact};
use crate::store::{JobStore, Submission, Submitted};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

/// What a task may be called with.
const ARGUMENTS: [&str; 3] = ["meta_param_dict", "adjustment", "errors_warnings"];

/// `POST /<Owner>/<Title>/`
pub(super) async fn submit(
    State(state): State<SchedulerState>,
    Path((owner, title)): Path<(String, String)>,
    Body(request): Body<SubmitRequest>,
) -> Result<Response, ApiError> {
    if state.dispatcher.is_stopping() {
        return Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "the stack is being stopped"));
    }
    let model = find(&state, &owner, &title)?;
    let task: TaskName = request.task_name.parse().map_err(|_| {
        let tasks = "version, defaults, parse and sim";
        ApiError::new(
            StatusCode::NOT_FOUND,
            format!("there is no task `{}`: there are {tasks}", request.task_name),
        )
    })?;
    check_arguments(&request.task_kwargs)?;
    let id = request.task_id.unwrap_or_else(JobId::random);
    match task {
        TaskName::Version | TaskName::Defaults => {
            let answer = state.host.answer(&model, &id, task, request.task_kwargs).await;
            Ok(Exact(to_json(answer.unwrap_or_else(|reason| TaskResult::failure(id, reason))))
                .into_response())
        }
        TaskName::Parse | TaskName::Sim => {
            let submission = Submission {
                id,
                model: model.name.clone(),
                task,
                kwargs: request.task_kwargs,
                tag: request.tag,
            };
            let job = match state.store.submit(submission).await? {
                Submitted::Created(job) => {
                    state.dispatcher.accepted(&job);
                    job
                }
                Submitted::Existing(job) => job,
            };
            let status = (task == TaskName::Parse).then_some(JobStatus::Pending);
            Ok(Json(Accepted { task_id: job.id, status }).into_response())
        }
    }
}

fn find(state: &SchedulerState, owner: &str, title: &str) -> Result<Arc<Model>, ApiError> {
    let unknown = |name: &str| ApiError::new(StatusCode::NOT_FOUND, format!("there is no model {name}"));
    let Ok(name) = ModelName::new(owner, title) else { return Err(unknown(&format!("{owner}/{title}"))) };
    state.catalogue.models().get(&name).ok_or_else(|| {
        let error = unknown(&name.to_string());
        match state.catalogue.models().nearest(&name) {
            Some(nearest) => error.hint(format!("Did you mean {nearest}?")),
            None => error.hint("List the models: `csw models list`"),
        }
    })
}

/// Found out here rather than by a job that fails a minute later.
fn check_arguments(kwargs: &TaskKwargs) -> Result<(), ApiError> {
    for (name, value) in kwargs {
        if !ARGUMENTS.contains(&name.as_str()) {
            let known = ARGUMENTS.join(", ");
            return Err(ApiError::bad_request(format!(
                "task_kwargs.{name}: unknown argument: there are {known}"
            )));
        }
        if !value.is_object() {
            return Err(ApiError::bad_request(format!("task_kwargs.{name}: expected an object")));
        }
    }
    Ok(())
}
