use std::collections::HashSet;

use axum::Json;
use axum::extract::State;
use jiff::{SignedDuration, Timestamp};

use super::SchedulerState;
use super::wire::{Cleaned, CleanupRequest, Ends};
use crate::model::{JobId, JobStatus};
use crate::services::api::ApiError;
use crate::services::api::Body;
use crate::store::{JobStore, Page};

/// Jobs that are looked at, or removed, at once.
const CHUNK: usize = 500;

/// A job that may go.
struct Candidate {
    id: JobId,
    status: JobStatus,
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
    let mut cleaned = Cleaned { removed: Vec::new(), counts: Ends::default(), bytes: None, results_kept: 0 };
    let mut bytes = 0;
    for chunk in chosen.chunks(CHUNK) {
        let ids: Vec<JobId> = chunk.iter().map(|c| c.id.clone()).collect();
        // Results go first: where that fails, their jobs are still there to be cleaned up again.
        let discarded = state.results.discard(&ids, request.dry_run).await?;
        let logs: Vec<u64> = chunk.iter().map(|c| state.runtime.size(&c.id, c.attempts)).collect();
        let gone: HashSet<JobId> = match request.dry_run {
            true => ids.into_iter().collect(),
            false => state.store.remove(&ids).await?.into_iter().collect(),
        };
        bytes += discarded.bytes;
        cleaned.results_kept += chunk.len().saturating_sub(discarded.jobs);
        for (candidate, logs) in chunk.iter().zip(logs).filter(|(c, _)| gone.contains(&c.id)) {
            if !request.dry_run {
                state.runtime.delete(&candidate.id, candidate.attempts).await?;
            }
            bytes += logs;
            cleaned.counts.add(candidate.status);
            cleaned.removed.push(candidate.id.clone());
        }
    }
    cleaned.bytes = Some(bytes);
    Ok(Json(cleaned))
}

async fn candidates(state: &SchedulerState, request: &CleanupRequest) -> Result<Vec<Candidate>, ApiError> {
    let status = if request.status.is_empty() {
        vec![JobStatus::Success, JobStatus::Fail, JobStatus::Cancelled]
    } else {
        request.status.clone()
    };
    let mut page = Page { status, models: request.models.clone(), limit: Some(CHUNK), ..Page::default() };
    let ids: HashSet<&JobId> = request.ids.iter().collect();
    let mut found = Vec::new();
    loop {
        let jobs = state.store.list(&page).await?;
        let whole = jobs.len() < CHUNK;
        page.after = jobs.last().map(|job| job.id.clone());
        let wanted = jobs.into_iter().filter(|job| ids.is_empty() || ids.contains(&job.id));
        found.extend(wanted.map(|job| Candidate {
            ended: job.finished_at.unwrap_or(job.created_at),
            status: job.status,
            attempts: job.attempt,
            id: job.id,
        }));
        if whole {
            return Ok(found);
        }
    }
}
