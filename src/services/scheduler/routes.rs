use std::sync::Arc;

use axum::extract::{FromRef, Path, Query, Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};
use axum::{Json, Router};
use serde_json::Value;

use super::guard::json_only;
use super::metrics::{self, Metrics};
use super::wire::ModelInfo;
use super::{SchedulerState, cleanup, describe, jobs, logs, page, results, submit, sync};
use crate::model::{Job, JobId};
use crate::services::api::{ApiError, as_problems};
use crate::services::metrics::measured;
use crate::services::openapi::{Described, Finished};
use crate::store::JobStore;

/// What handlers are given parts of.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) state: SchedulerState,
    pub(super) metrics: Arc<Metrics>,
}

impl FromRef<Shared> for SchedulerState {
    fn from_ref(shared: &Shared) -> Self {
        shared.state.clone()
    }
}

/// The scheduler's routes.
pub fn router(state: SchedulerState) -> Router {
    let metrics = Arc::new(Metrics::new(&state));
    let requests = metrics.requests.clone();
    let Finished { open, guarded } = described(state.access.is_guarded()).finish(
        "csw scheduler",
        "Takes simulations from the web app and from `csw jobs`, and tells what became of them.",
    );
    let guarded = guarded.layer(from_fn_with_state(state.clone(), authorized));
    guarded
        .merge(open)
        .fallback(async || ApiError::new(StatusCode::NOT_FOUND, "there is nothing at this path"))
        .layer(from_fn(as_problems))
        .layer(from_fn_with_state(requests, measured))
        .with_state(Shared { state, metrics })
}

fn described(tokens: bool) -> Described<Shared> {
    Described::new(tokens)
        .guarded("/{owner}/{title}/", json(post(submit::submit)), describe::submit)
        .also("/{owner}/{title}", json(post(submit::submit)))
        .guarded("/sync/", json(post(sync::sync)), describe::sync)
        .also("/sync", json(post(sync::sync)))
        .guarded("/api/v1/jobs", get(jobs::list), describe::list)
        .guarded("/api/v1/jobs", json(post(submit::submit_many)), describe::submit_many)
        .guarded("/api/v1/jobs/cleanup", json(post(cleanup::cleanup)), describe::cleanup)
        // A job may have this name.
        .guarded("/api/v1/jobs/cleanup", get(job_called_cleanup), describe::job_called_cleanup)
        .guarded("/api/v1/jobs/{id}", get(jobs::get), describe::job)
        .guarded("/api/v1/jobs/{id}/result", get(jobs::result), describe::result)
        .guarded("/api/v1/jobs/{id}/outputs", get(jobs::outputs), describe::outputs)
        .guarded("/api/v1/jobs/{id}/logs", get(logs::logs), describe::logs)
        .guarded("/api/v1/jobs/{id}/cancel", json(post(jobs::cancel)), describe::cancel)
        .guarded("/api/v1/results", get(results::undelivered), describe::undelivered)
        .guarded("/api/v1/results/{id}/retry", json(post(results::retry)), describe::retry)
        .guarded("/api/v1/models", get(models), describe::models)
        .guarded("/metrics", get(metrics::metrics), describe::metrics)
        .guarded("/", get(page::page), describe::page)
        .open("/healthz", get(healthz), describe::healthz)
        .open("/readyz", get(readyz), describe::readyz)
}

/// Handlers of what changes something: only a program says that it sends JSON.
fn json(handlers: MethodRouter<Shared>) -> MethodRouter<Shared> {
    handlers.route_layer(from_fn(json_only))
}

async fn authorized(
    State(state): State<SchedulerState>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    super::guard::authorized(state.access, request, next).await
}

/// Healthy is a store that can keep something: without it nothing can be accepted.
async fn healthz(State(state): State<SchedulerState>) -> Result<Json<Value>, ApiError> {
    state.store.check().await?;
    Ok(Json(serde_json::json!({"status": "ok"})))
}

/// Ready is who takes jobs and results: healthy, with somewhere to put them, and not told to end.
async fn readyz(State(state): State<SchedulerState>) -> Result<Json<Value>, ApiError> {
    if state.dispatcher.is_stopping() {
        return Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "it is being stopped"));
    }
    state.store.check().await?;
    if let Some(reason) = state.results.trouble() {
        return Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, reason));
    }
    Ok(Json(serde_json::json!({"status": "ok"})))
}

async fn job_called_cleanup(
    state: State<SchedulerState>,
    query: Query<jobs::GetQuery>,
) -> Result<Json<Job>, ApiError> {
    let id: JobId = "cleanup".parse().map_err(|e| ApiError::bad_request(format!("{e}")))?;
    jobs::get(state, Path(id), query).await
}

async fn models(State(state): State<SchedulerState>) -> Json<Vec<ModelInfo>> {
    Json(state.catalogue.models().all().values().map(|model| ModelInfo::from(&**model)).collect())
}
