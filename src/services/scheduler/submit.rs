use std::sync::Arc;

use super::SchedulerState;
use super::wire::{Accepted, SubmitEntry, SubmitMany, SubmitRequest, SubmittedEntry, SubmittedMany};
use crate::model::{JobId, JobStatus, Model, ModelName, TaskKwargs, TaskName, TaskResult};
use crate::services::answer::to_json;
use crate::services::api::{ApiError, Body, Exact, Problem};
use crate::store::{JobStore, Submission, Submitted};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use futures::future::join_all;

/// Simulations that are accepted at once.
const MOST: usize = 1000;
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
    let model = find(&state, &owner, &title).await?;
    let task: TaskName = request.task_name.parse().map_err(|_| {
        let tasks = "version, defaults, parse and sim";
        ApiError::new(
            StatusCode::NOT_FOUND,
            format!("there is no task `{}`: there are {tasks}", request.task_name),
        )
    })?;
    check_arguments(&request.task_kwargs, "task_kwargs")?;
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

/// `POST /api/v1/jobs`: simulations, accepted in their order, each for itself.
pub(super) async fn submit_many(
    State(state): State<SchedulerState>,
    Body(request): Body<SubmitMany>,
) -> Result<Json<SubmittedMany>, ApiError> {
    if request.jobs.len() > MOST {
        return Err(ApiError::bad_request(format!(
            "jobs: at most {MOST} at once, not {}",
            request.jobs.len()
        )));
    }
    for (index, entry) in request.jobs.iter().enumerate() {
        check_arguments(&entry.task_kwargs, &format!("jobs[{index}].task_kwargs"))?;
    }
    if request.jobs.iter().any(|entry| look_up(&state, &entry.model).is_err()) {
        reload(&state).await;
    }
    // The store takes what it is asked for in the order in which it is asked.
    let outcomes = join_all(request.jobs.into_iter().map(|entry| accept(&state, entry))).await;
    let told = |outcome| match outcome {
        Ok(id) => SubmittedEntry { task_id: Some(id), status: 200, error: None, hints: Vec::new() },
        Err(error) => {
            let (status, Problem { error, hints }) = ApiError::into_parts(error);
            SubmittedEntry { task_id: None, status: status.as_u16(), error: Some(error), hints }
        }
    };
    Ok(Json(SubmittedMany { jobs: outcomes.into_iter().map(told).collect() }))
}

async fn accept(state: &SchedulerState, entry: SubmitEntry) -> Result<JobId, ApiError> {
    let SubmitEntry { model, task_id, task_kwargs, tag } = entry;
    if state.dispatcher.is_stopping() {
        return Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "the stack is being stopped"));
    }
    let model = look_up(state, &model)?;
    let id = task_id.unwrap_or_else(JobId::random);
    let submission =
        Submission { id, model: model.name.clone(), task: TaskName::Sim, kwargs: task_kwargs, tag };
    Ok(match state.store.submit(submission).await? {
        Submitted::Created(job) => {
            state.dispatcher.accepted(&job);
            job.id
        }
        Submitted::Existing(job) => job.id,
    })
}

async fn find(state: &SchedulerState, owner: &str, title: &str) -> Result<Arc<Model>, ApiError> {
    let name = ModelName::new(owner, title).map_err(|_| unknown(&format!("{owner}/{title}")))?;
    match look_up(state, &name) {
        Ok(model) => Ok(model),
        Err(_) => {
            reload(state).await;
            look_up(state, &name)
        }
    }
}

/// Reads the models' files again: one that is asked for in vain may have been written a moment ago.
async fn reload(state: &SchedulerState) {
    if state.catalogue.reload().await {
        state.dispatcher.forget_environments();
    }
}

fn look_up(state: &SchedulerState, name: &ModelName) -> Result<Arc<Model>, ApiError> {
    let models = state.catalogue.models();
    models.get(name).ok_or_else(|| {
        let nearest = models.nearest(name).map(|nearest| format!("Did you mean {nearest}?"));
        let hints = nearest.into_iter().chain(state.catalogue.remedies(name));
        hints.fold(unknown(&name.to_string()), ApiError::hint)
    })
}

fn unknown(name: &str) -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, format!("there is no model {name}"))
}

/// Found out here rather than by a job that fails a minute later.
fn check_arguments(kwargs: &TaskKwargs, place: &str) -> Result<(), ApiError> {
    for (name, value) in kwargs {
        if !ARGUMENTS.contains(&name.as_str()) {
            let known = ARGUMENTS.join(", ");
            return Err(ApiError::bad_request(format!(
                "{place}.{name}: unknown argument: there are {known}"
            )));
        }
        if !value.is_object() {
            return Err(ApiError::bad_request(format!("{place}.{name}: expected an object")));
        }
    }
    Ok(())
}
