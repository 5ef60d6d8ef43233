use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::json;

use super::InputsServer;
use super::server::Full;
use crate::model::{JobId, JobStatus, TaskKwargs, TaskName};
use crate::services::answer::to_json;
use crate::services::api::{ApiError, Body, Exact};

/// Seconds after which to come again when there is no room.
const COME_AGAIN: &str = "1";

#[derive(Debug, Deserialize)]
struct TaskRequest {
    #[serde(default)]
    task_id: Option<JobId>,
    task_name: String,
    #[serde(default)]
    task_kwargs: TaskKwargs,
}

/// The inputs server's routes.
pub fn router(server: InputsServer) -> Router {
    Router::new()
        .route("/sync/", post(answer))
        .route("/sync", post(answer))
        .route("/async/", post(answer_later))
        .route("/async", post(answer_later))
        .route("/healthz", get(async || Json(json!({"status": "ok"}))))
        .fallback(async || ApiError::new(StatusCode::NOT_FOUND, "there is nothing at this path"))
        .with_state(server)
}

/// `POST /sync/`: the function's result.
async fn answer(
    State(server): State<InputsServer>,
    Body(request): Body<TaskRequest>,
) -> Result<Response, ApiError> {
    let task = task(&request.task_name)?;
    let id = request.task_id.unwrap_or_else(JobId::random);
    match server.answer(id, task, request.task_kwargs).await {
        Ok(result) => Ok(Exact(to_json(result)).into_response()),
        Err(full) => Ok(full.into_response()),
    }
}

/// `POST /async/`: the result goes to the outputs processor, with the token that the caller shows here.
async fn answer_later(
    State(server): State<InputsServer>,
    headers: HeaderMap,
    Body(request): Body<TaskRequest>,
) -> Result<Response, ApiError> {
    let task = task(&request.task_name)?;
    let Some(id) = request.task_id else {
        return Err(ApiError::bad_request("task_id: expected the job's id, because the result is handed on"));
    };
    let Some(url) = server.outputs_processor().cloned() else {
        return Err(ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "there is no outputs processor to hand the result to",
        )
        .hint("Set CSW_OUTPUTS_PROCESSOR to its base URL"));
    };
    let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|value| {
        let (scheme, word) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| SecretString::from(word.trim()))
    });
    let Some(token) = token else {
        let wanted = "expected the header `Authorization: Bearer <token of the job's attempt>`";
        return Err(ApiError::new(StatusCode::UNAUTHORIZED, wanted));
    };
    match server.answer_later(id.clone(), task, request.task_kwargs, token, url) {
        Ok(()) => Ok(Json(json!({"task_id": id, "status": JobStatus::Pending})).into_response()),
        Err(full) => Ok(full.into_response()),
    }
}

fn task(name: &str) -> Result<TaskName, ApiError> {
    match name.parse() {
        Ok(TaskName::Sim) => Err(ApiError::bad_request("task_name: a simulation is a job of its own")
            .hint("Post it to the scheduler")),
        Ok(task) => Ok(task),
        Err(_) => Err(ApiError::new(
            StatusCode::NOT_FOUND,
            format!("there is no task `{name}`: there are version, defaults and parse"),
        )),
    }
}

impl IntoResponse for Full {
    fn into_response(self) -> Response {
        let mut response = ApiError::new(StatusCode::TOO_MANY_REQUESTS, self.to_string()).into_response();
        response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static(COME_AGAIN));
        response
    }
}
