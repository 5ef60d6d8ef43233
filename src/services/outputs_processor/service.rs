//! The routes of an outputs processor that stands alone, beside those of executors.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::routes::bearer;
use super::wire::{CancelledResult, ResultsPage, ResultsQuery, RetriedResult, Wanted};
use super::{Admission, OutputsProcessor, Refusal, router};
use crate::model::{JobId, TaskResult};
use crate::outputs::Outputs;
use crate::services::api::{ApiError, PathOf, QueryOf};
use crate::services::metrics::{exposition, measured};
use crate::store::{JobStore as _, Standing};

type Processor = State<Arc<OutputsProcessor>>;

/// Everything: [`router`] for executors, `/api/v1/attempt`, `/api/v1/results…` for services that show the cluster's
/// service token, and `/healthz`, `/readyz`, `/metrics` for whoever comes.
pub fn standalone(state: Arc<OutputsProcessor>) -> Router {
    let requests = state.metrics.requests.clone();
    let services = Router::new()
        .route("/api/v1/results", get(list))
        .route("/api/v1/results/{id}", get(result))
        .route("/api/v1/results/{id}/outputs", get(outputs))
        .route("/api/v1/results/{id}/cancel", post(cancel))
        .route("/api/v1/results/{id}/retry", post(retry))
        .layer(from_fn_with_state(Arc::clone(&state), services_only));
    Router::new()
        .merge(services)
        .route("/api/v1/attempt", get(attempt))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(Arc::clone(&state))
        .merge(router(state))
        .fallback(async || ApiError::new(StatusCode::NOT_FOUND, "there is nothing at this path"))
        .layer(from_fn_with_state(requests, measured))
}

async fn services_only(State(state): Processor, request: Request, next: Next) -> Result<Response, ApiError> {
    authorize(&state.admission, request.headers())?;
    Ok(next.run(request).await)
}

fn authorize(admission: &Admission, headers: &HeaderMap) -> Result<(), ApiError> {
    let Some(given) = bearer(headers) else {
        return Err(ApiError::new(
            StatusCode::UNAUTHORIZED,
            "expected the header `Authorization: Bearer <service token>`",
        ));
    };
    // Digests, so that the time a comparison takes tells nothing about the token.
    let digest = |word: &str| Sha256::digest(word.as_bytes());
    match admission {
        Admission::Signed(key) if digest(given) == digest(key.service_token().expose_secret()) => Ok(()),
        Admission::Signed(_) | Admission::Started => {
            Err(ApiError::new(StatusCode::FORBIDDEN, "this is not the token of the cluster's services"))
        }
    }
}

/// `GET /api/v1/attempt`: whether a result of the token's attempt is wanted; else 409.
async fn attempt(State(state): Processor, headers: HeaderMap) -> Result<Json<Wanted>, Refusal> {
    let token = super::routes::token(&headers)?;
    let Admission::Signed(key) = &state.admission else { return Err(Refusal::Unsigned) };
    let claims = key.verify(&token).ok_or(Refusal::Unsigned)?;
    match state.ledger.standing(&claims, &token)? {
        Standing::Current => Ok(Json(Wanted { wanted: true })),
        Standing::Delivered | Standing::Fenced => Err(Refusal::Fenced { id: claims.id }),
    }
}

async fn list(
    State(state): Processor,
    QueryOf(query): QueryOf<ResultsQuery>,
) -> Result<Json<ResultsPage>, ApiError> {
    state.undelivered(&query).await.map(Json)
}

async fn result(State(state): Processor, PathOf(id): PathOf<JobId>) -> Result<Json<TaskResult>, ApiError> {
    state.result(&id).await.map(Json)
}

async fn outputs(State(state): Processor, PathOf(id): PathOf<JobId>) -> Result<Json<Outputs>, ApiError> {
    state.outputs(&id).await.map(Json)
}

async fn cancel(
    State(state): Processor,
    PathOf(id): PathOf<JobId>,
) -> Result<Json<CancelledResult>, ApiError> {
    state.cancel(&id).await.map(Json)
}

async fn retry(State(state): Processor, PathOf(id): PathOf<JobId>) -> Result<Json<RetriedResult>, ApiError> {
    state.retry(&id).await.map(Json)
}

/// Healthy is a store that answers, even where nothing can be written: a restart makes no room on a disk.
async fn healthz(State(state): Processor) -> Result<Json<Value>, ApiError> {
    state.ledger.backlog()?;
    Ok(Json(json!({"status": "ok"})))
}

/// Ready is who can keep results and outputs, until it is told to end.
async fn readyz(State(state): Processor) -> Result<Json<Value>, ApiError> {
    if state.stopping.is_cancelled() {
        return Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "it is being stopped"));
    }
    state.ledger.check().await?;
    if let Some(reason) = state.bucket_trouble() {
        return Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, reason));
    }
    Ok(Json(json!({"status": "ok"})))
}

async fn metrics(State(state): Processor) -> Result<Response, ApiError> {
    state.metrics.set_backlog(state.ledger.backlog()?);
    Ok(exposition(&state.metrics.registry))
}
