use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{OutputsProcessor, Refusal, accept, body, write};
use crate::model::{JobId, TaskName, TaskResult};
use crate::outputs::{Outputs, Pointer};
use crate::store::{AttemptToken, Recorded};

/// `POST /write/` and `POST /push/`, to be merged into a larger service.
///
/// Both want `Authorization: Bearer <token of the job's attempt>`. Errors are `{"error": text}` with the status of
/// [`Refusal`].
pub fn router(state: Arc<OutputsProcessor>) -> Router {
    Router::new().route("/write/", post(write_outputs)).route("/push/", post(push_result)).with_state(state)
}

#[derive(Deserialize)]
struct WriteBody {
    task_id: JobId,
    outputs: Value,
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
    state.admission.precheck(&token)?;
    let limit = state.limits.write;
    // Large bodies wait for each other, small ones pass side by side. Unknown sizes count as the largest.
    let share = body::announced(&headers).unwrap_or(limit).min(limit).div_ceil(1024).max(1);
    let share = u32::try_from(share).unwrap_or(u32::MAX);
    let _memory = state.memory.acquire_many(share).await.map_err(|e| Refusal::Incomplete(e.to_string()))?;
    let bytes = body::read(&headers, body, limit, state.limits).await?;
    let WriteBody { task_id, outputs } = body::parse(bytes).await?;
    let pointer = write(&state, &token, &task_id, Outputs::from_json(outputs)?).await?;
    state.metrics.stored.inc();
    Ok(Json(pointer))
}

async fn push_result(
    State(state): State<Arc<OutputsProcessor>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Refusal> {
    let token = token(&headers)?;
    state.admission.precheck(&token)?;
    let bytes = body::read(&headers, body, state.limits.push, state.limits).await?;
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
