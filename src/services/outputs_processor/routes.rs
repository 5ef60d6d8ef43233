use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::routing::post;
use axum::{Extension, Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::accept::store;
use super::{OutputsProcessor, Refusal, accept, body};
use crate::model::{TaskName, TaskResult};
use crate::outputs::Pointer;
use crate::services::api::Held;
use crate::store::{AttemptToken, Recorded};

/// `POST /write/` and `POST /push/`, to be merged into a larger service.
///
/// Both want `Authorization: Bearer <token of the job's attempt>`. Errors are `{"error": text}` with the status of
/// [`Refusal`].
pub fn router(state: Arc<OutputsProcessor>) -> Router {
    Router::new().route("/write/", post(write_outputs)).route("/push/", post(push_result)).with_state(state)
}

#[derive(Deserialize)]
struct PushBody {
    task_name: TaskName,
    result: TaskResult,
}

async fn write_outputs(
    State(state): State<Arc<OutputsProcessor>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Pointer>, Refusal> {
    let token = token(&headers)?;
    state.precheck(&token)?;
    let _place = state.places.acquire().await.map_err(|e| Refusal::Incomplete(e.to_string()))?;
    let (task_id, packed) = body::read_packed(&headers, body, state.limits).await?;
    let pointer = store(&state, &token, &task_id, packed).await?;
    state.metrics.stored.inc();
    Ok(Json(pointer))
}

async fn push_result(
    State(state): State<Arc<OutputsProcessor>>,
    held: Option<Extension<Held>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Refusal> {
    let token = token(&headers)?;
    state.precheck(&token)?;
    let held = held.map(|Extension(held)| held);
    let bytes = body::read(&headers, body, held.as_ref(), state.limits.push, state.limits).await?;
    let PushBody { task_name, result } = body::parse(bytes).await?;
    let id = result.task_id.clone();
    match accept(&state, &token, task_name, result).await? {
        Recorded::Accepted => Ok(Json(json!({"task_id": id, "status": "accepted"}))),
        Recorded::Duplicate => Ok(Json(json!({"task_id": id, "status": "duplicate"}))),
        Recorded::Fenced => Err(Refusal::Fenced { id }),
    }
}

pub(super) fn token(headers: &HeaderMap) -> Result<AttemptToken, Refusal> {
    bearer(headers).map(|word| AttemptToken(word.to_owned())).ok_or(Refusal::Anonymous)
}

/// The word that the sender proves himself with.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, word) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    Some(word.trim()).filter(|word| scheme.eq_ignore_ascii_case("bearer") && !word.is_empty())
}
