use std::time::Duration;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::SchedulerState;
use super::wire::{JobPage, Order};
use crate::model::{Job, JobId, JobStatus, TaskResult};
use crate::services::api::{ApiError, Exact};
use crate::store::{JobStore, Page};

/// Jobs on a page at most.
const MAX_PAGE: usize = 1000;
/// The longest that an answer is put off.
const MAX_WAIT: u64 = 60;

#[derive(Debug, Deserialize)]
pub(super) struct ListQuery {
    #[serde(default)]
    status: String,
    #[serde(default)]
    model: String,
    after: Option<JobId>,
    limit: Option<usize>,
    since: Option<Timestamp>,
    #[serde(default)]
    order: Order,
}

#[derive(Debug, Deserialize)]
pub(super) struct GetQuery {
    /// Seconds to wait for.
    wait: Option<u64>,
    /// Wait while the job has this status, instead of until it is final.
    #[serde(rename = "while")]
    unchanged: Option<JobStatus>,
}

/// `GET /api/v1/jobs`
pub(super) async fn list(
    State(state): State<SchedulerState>,
    Query(query): Query<ListQuery>,
) -> Result<Json<JobPage>, ApiError> {
    let limit = query.limit.unwrap_or(MAX_PAGE).clamp(1, MAX_PAGE);
    let page = Page {
        status: words(&query.status)
            .map(|w| serde_json::from_value(Value::String(w.to_uppercase())))
            .collect::<Result<_, _>>()
            .map_err(|e| ApiError::bad_request(format!("status: {e}")))?,
        models: words(&query.model)
            .map(str::parse)
            .collect::<Result<_, _>>()
            .map_err(|e: crate::model::ModelError| ApiError::bad_request(e.to_string()))?,
        after: query.after,
        since: query.since,
        newest_first: query.order == Order::Newest,
        limit: Some(limit + 1),
    };
    let mut jobs = state.store.list(&page).await?;
    let more = jobs.len() > limit;
    jobs.truncate(limit);
    let next = jobs.last().filter(|_| more).map(|job| job.id.clone());
    Ok(Json(JobPage { jobs: jobs.into_iter().map(|job| explained(&state, job)).collect(), next }))
}

/// `GET /api/v1/jobs/{id}`
pub(super) async fn get(
    State(state): State<SchedulerState>,
    Path(id): Path<JobId>,
    Query(query): Query<GetQuery>,
) -> Result<Json<Job>, ApiError> {
    let mut changes = state.store.changes();
    let deadline = tokio::time::sleep(Duration::from_secs(query.wait.unwrap_or(0).min(MAX_WAIT)));
    tokio::pin!(deadline);
    loop {
        let job = find(&state, &id).await?;
        let settled = match query.unchanged {
            Some(status) => job.status != status || job.status.is_final(),
            None => job.status.is_final(),
        };
        if settled || deadline.is_elapsed() {
            return Ok(Json(explained(&state, job)));
        }
        tokio::select! {
            () = &mut deadline => {}
            changed = changes.changed() => if changed.is_err() {
                return Ok(Json(explained(&state, job)));
            },
        }
    }
}

/// `GET /api/v1/jobs/{id}/result`: as the web app gets it; outputs are a pointer.
pub(super) async fn result(
    State(state): State<SchedulerState>,
    Path(id): Path<JobId>,
) -> Result<Exact<TaskResult>, ApiError> {
    recorded(&state, &id).await.map(Exact)
}

/// `GET /api/v1/jobs/{id}/outputs`: the outputs themselves.
pub(super) async fn outputs(
    State(state): State<SchedulerState>,
    Path(id): Path<JobId>,
) -> Result<Exact<Value>, ApiError> {
    let result = recorded(&state, &id).await?;
    if result.outputs.is_none() {
        return Err(ApiError::new(StatusCode::CONFLICT, format!("job {id} has no outputs: it failed")));
    }
    Ok(Exact(state.results.outputs(&result).await?))
}

/// `POST /api/v1/jobs/{id}/cancel`
pub(super) async fn cancel(
    State(state): State<SchedulerState>,
    Path(id): Path<JobId>,
) -> Result<Json<Job>, ApiError> {
    let job = state.dispatcher.cancel(&id, "cancelled").await?;
    job.map(Json).ok_or_else(|| ApiError::no_such_job(&id))
}

pub(super) async fn find(state: &SchedulerState, id: &JobId) -> Result<Job, ApiError> {
    state.store.get(id).await?.ok_or_else(|| ApiError::no_such_job(id))
}

async fn recorded(state: &SchedulerState, id: &JobId) -> Result<TaskResult, ApiError> {
    if let Some(result) = state.results.find(id).await? {
        return Ok(result);
    }
    let job = find(state, id).await?;
    Err(ApiError::new(StatusCode::CONFLICT, format!("job {id} has no result: it is {}", job.status))
        .hint(format!("Wait for it: `csw jobs wait {id}`")))
}

fn explained(state: &SchedulerState, mut job: Job) -> Job {
    job.reason = state.dispatcher.reason(&job);
    job
}

/// The parts of a list that is written with commas.
fn words(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|w| !w.is_empty())
}
