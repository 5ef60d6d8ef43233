use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::wire::ModelInfo;
use super::{SchedulerState, cleanup, jobs, logs, results, submit, sync};
use crate::services::api::ApiError;
use crate::store::JobStore;

/// The largest body: inputs of a simulation.
const MAX_BODY: usize = 32 * 1024 * 1024;

/// The scheduler's routes.
pub fn router(state: SchedulerState) -> Router {
    let guarded = Router::new()
        .route("/{owner}/{title}/", post(submit::submit))
        .route("/{owner}/{title}", post(submit::submit))
        .route("/sync/", post(sync::sync))
        .route("/sync", post(sync::sync))
        .route("/api/v1/jobs", get(jobs::list))
        .route("/api/v1/jobs/cleanup", post(cleanup::cleanup))
        .route("/api/v1/jobs/{id}", get(jobs::get))
        .route("/api/v1/jobs/{id}/result", get(jobs::result))
        .route("/api/v1/jobs/{id}/outputs", get(jobs::outputs))
        .route("/api/v1/jobs/{id}/logs", get(logs::logs))
        .route("/api/v1/jobs/{id}/cancel", post(jobs::cancel))
        .route("/api/v1/results", get(results::undelivered))
        .route("/api/v1/results/{id}/retry", post(results::retry))
        .route("/api/v1/models", get(models))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(from_fn_with_state(state.clone(), authorized));
    guarded
        .route("/healthz", get(healthz))
        .route("/readyz", get(healthz))
        .fallback(async || ApiError::new(StatusCode::NOT_FOUND, "there is nothing at this path"))
        .with_state(state)
}

async fn authorized(
    State(state): State<SchedulerState>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    state.access.authorize(request.method(), request.headers())?;
    Ok(next.run(request).await)
}

/// Healthy is a store that answers: without it nothing can be accepted.
async fn healthz(State(state): State<SchedulerState>) -> Result<Json<Value>, ApiError> {
    state.store.counts().await?;
    Ok(Json(json!({"status": "ok"})))
}

async fn models(State(state): State<SchedulerState>) -> Json<Vec<ModelInfo>> {
    Json(state.catalogue.models().all().values().map(|model| ModelInfo::from(&**model)).collect())
}
