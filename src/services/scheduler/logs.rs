use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::{StreamExt, stream};
use serde::Deserialize;
use tokio::sync::mpsc;

use super::{SchedulerState, jobs};
use crate::job::AttemptKey;
use crate::model::{Job, JobId, JobStatus};
use crate::services::api::ApiError;
use crate::store::JobStore;

type Chunk = std::io::Result<Bytes>;

#[derive(Debug, Deserialize)]
pub(super) struct LogsQuery {
    #[serde(default)]
    follow: bool,
}

/// `GET /api/v1/jobs/{id}/logs`: of the last attempt; with `follow`, from there to the job's end, whatever it takes.
pub(super) async fn logs(
    State(state): State<SchedulerState>,
    Path(id): Path<JobId>,
    Query(query): Query<LogsQuery>,
) -> Result<Response, ApiError> {
    let job = jobs::find(&state, &id).await?;
    let body = if query.follow {
        let (sender, receiver) = mpsc::channel(8);
        tokio::spawn(follow(state, id, sender));
        Body::from_stream(stream::unfold(receiver, |mut r| async { r.recv().await.map(|chunk| (chunk, r)) }))
    } else {
        match state.runtime.logs(&key(&job), false).await? {
            Some(log) => Body::from_stream(log),
            None => Body::empty(),
        }
    };
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], body).into_response())
}

/// Sends the log of each attempt from the present one until the job has ended or the reader has gone.
async fn follow(state: SchedulerState, id: JobId, sender: mpsc::Sender<Chunk>) {
    let mut sent = 0;
    let mut changes = state.store.changes();
    loop {
        let job = match state.store.get(&id).await {
            Ok(Some(job)) => job,
            Ok(None) => return,
            Err(e) => {
                drop(sender.send(Err(std::io::Error::other(e.to_string()))).await);
                return;
            }
        };
        if job.attempt > sent && job.status != JobStatus::Pending {
            match state.runtime.logs(&key(&job), true).await {
                Ok(Some(mut log)) => {
                    while let Some(chunk) = log.next().await {
                        if sender.send(chunk).await.is_err() {
                            return;
                        }
                    }
                    sent = job.attempt;
                    continue;
                }
                // Its executor is not there yet, or it never had one.
                Ok(None) if job.status.is_final() => return,
                Ok(None) => {}
                Err(e) => {
                    drop(sender.send(Err(std::io::Error::other(e.to_string()))).await);
                    return;
                }
            }
        } else if job.status.is_final() {
            return;
        }
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return },
            () = sender.closed() => return,
        }
    }
}

fn key(job: &Job) -> AttemptKey {
    AttemptKey { id: job.id.clone(), attempt: job.attempt }
}
