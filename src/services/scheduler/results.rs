use axum::Json;
use axum::extract::State;

use super::SchedulerState;
use crate::model::JobId;
use crate::services::api::{ApiError, PathOf, QueryOf};
use crate::services::outputs_processor::wire::{ResultsPage, ResultsQuery, RetriedResult};

/// `GET /api/v1/results?state=dead|waiting`: results that the web app does not have.
pub(super) async fn undelivered(
    State(state): State<SchedulerState>,
    QueryOf(query): QueryOf<ResultsQuery>,
) -> Result<Json<ResultsPage>, ApiError> {
    state.results.undelivered(&query).await.map(Json)
}

/// `POST /api/v1/results/{id}/retry`: sends a dead letter again.
pub(super) async fn retry(
    State(state): State<SchedulerState>,
    PathOf(id): PathOf<JobId>,
) -> Result<Json<RetriedResult>, ApiError> {
    state.results.retry(&id).await.map(Json)
}
