use axum::Json;
use axum::extract::State;
use jiff::{SignedDuration, Timestamp};

use super::SchedulerState;
use super::wire::{Cleaned, CleanupRequest};
use crate::model::{JobId, JobStatus};
use crate::services::api::ApiError;
use crate::services::api::Body;
use crate::store::{JobStore, Page};

/// Jobs that are looked at, or removed, at once.
const CHUNK: usize = 500;

/// A job that may go.
struct Candidate {
    id: JobId,
    ended: Timestamp,
    attempts: u32,
}

/// `POST /api/v1/jobs/cleanup`
pub(super) async fn cleanup(
    State(state): State<SchedulerState>,
    Body(request): Body<CleanupRequest>,
) -> Result<Json<Cleaned>, ApiError> {
    if let Some(status) = request.status.iter().find(|s| !s.is_final()) {
        return Err(ApiError::bad_request(format!(
            "status: {status} jobs have not ended: cancel them first"
        )));
    }
    let mut chosen = candidates(&state, &request).await?;
    chosen.sort_by_key(|c| std::cmp::Reverse(c.ended));
    chosen.drain(..request.keep_last.min(chosen.len()));
    if let Some(age) = request.older_than {
        let age = SignedDuration::from_millis((age.as_secs_f64() * 1000.0) as i64);
        let limit = Timestamp::now().checked_sub(age).unwrap_or(Timestamp::MIN);
        chosen.retain(|c| c.ended < limit);
    }
    chosen.reverse();
    if request.dry_run {
        return Ok(Json(Cleaned { removed: chosen.into_iter().map(|c| c.id).collect() }));
    }
    let mut removed = Vec::with_capacity(chosen.len());
    for chunk in chosen.chunks(CHUNK) {
        let ids: Vec<JobId> = chunk.iter().map(|c| c.id.clone()).collect();
        let gone = state.store.remove(&ids).await?;
        for candidate in chunk.iter().filter(|c| gone.contains(&c.id)) {
            state.runtime.delete(&candidate.id, candidate.attempts).await?;
        }
        removed.extend(gone);
    }
    Ok(Json(Cleaned { removed }))
}

async fn candidates(state: &SchedulerState, request: &CleanupRequest) -> Result<Vec<Candidate>, ApiError> {
    let status = if request.status.is_empty() {
        vec![JobStatus::Success, JobStatus::Fail, JobStatus::Cancelled]
    } else {
        request.status.clone()
    };
    let mut page = Page { status, models: request.models.clone(), after: None, limit: Some(CHUNK) };
    let mut found = Vec::new();
    loop {
        let jobs = state.store.list(&page).await?;
        let whole = jobs.len() < CHUNK;
        page.after = jobs.last().map(|job| job.id.clone());
        found.extend(jobs.into_iter().map(|job| Candidate {
            ended: job.finished_at.unwrap_or(job.created_at),
            attempts: job.attempt,
            id: job.id,
        }));
        if whole {
            return Ok(found);
        }
    }
}
