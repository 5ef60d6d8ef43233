use std::time::Duration;

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

/// How soon a follower sees what is done to make a model ready.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

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
            None if job.status == JobStatus::Pending => Body::from(state.host.preparation_log(&job.model)),
            None => Body::from(why_not(&state, &job).await.unwrap_or_default()),
        }
    };
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], body).into_response())
}

/// What there is to read of a job that failed and has no log (any more): a model that could not be started has said nothing
/// itself.
async fn why_not(state: &SchedulerState, job: &Job) -> Option<String> {
    if job.status != JobStatus::Fail {
        return None;
    }
    let traceback = match state.results.find(&job.id).await {
        Ok(result) => result?.traceback?,
        Err(e) => {
            tracing::info!("cannot read the result of {}: {e}", job.id);
            job.reason.clone()?
        }
    };
    Some(format!("{}\n", traceback.trim_end()))
}

/// Sends the log of each attempt from the present one until the job has ended or the reader has gone.
async fn follow(state: SchedulerState, id: JobId, sender: mpsc::Sender<Chunk>) {
    let mut sent = 0;
    let mut prepared = Prepared::default();
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
                        let chunk = chunk.map(|chunk| prepared.leave_out(chunk));
                        if !chunk.as_ref().is_ok_and(Bytes::is_empty) && sender.send(chunk).await.is_err() {
                            return;
                        }
                    }
                    sent = job.attempt;
                    continue;
                }
                // Its executor is not there yet, or it never had one.
                Ok(None) if job.status.is_final() => {
                    if let Some(why) = why_not(&state, &job).await {
                        drop(sender.send(Ok(why.into())).await);
                    }
                    return;
                }
                Ok(None) => {}
                Err(e) => {
                    drop(sender.send(Err(std::io::Error::other(e.to_string()))).await);
                    return;
                }
            }
        } else if job.status.is_final() {
            return;
        } else if sent == 0 && job.status == JobStatus::Pending {
            let more = prepared.more(&state.host.preparation_log(&job.model));
            if !more.is_empty() && sender.send(Ok(more)).await.is_err() {
                return;
            }
        }
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return },
            // What is done to make its model ready is no change of the job.
            () = tokio::time::sleep(LOOK_AGAIN), if job.status == JobStatus::Pending => {}
            () = sender.closed() => return,
        }
    }
}

/// What was sent of a preparation while its job waited for it: its attempt's log begins with the same.
#[derive(Default)]
struct Prepared {
    sent: Vec<u8>,
    /// How much of it is left out of the log so far.
    left_out: usize,
}

impl Prepared {
    /// What has come to it.
    fn more(&mut self, text: &str) -> Bytes {
        let Some(more) = text.as_bytes().strip_prefix(self.sent.as_slice()) else { return Bytes::new() };
        let more = Bytes::copy_from_slice(more);
        self.sent.extend_from_slice(&more);
        more
    }

    /// What of a piece of the log was not sent before.
    fn leave_out(&mut self, mut piece: Bytes) -> Bytes {
        let expected = self.sent.get(self.left_out..).unwrap_or_default();
        let same = expected.iter().zip(&piece).take_while(|(a, b)| a == b).count();
        if same < expected.len().min(piece.len()) {
            // Another preparation: all of it is new.
            self.left_out = self.sent.len();
            return piece;
        }
        self.left_out += same;
        piece.split_off(same)
    }
}

fn key(job: &Job) -> AttemptKey {
    AttemptKey { id: job.id.clone(), attempt: job.attempt }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_while_a_job_waited_is_not_sent_again() {
        for size in 1..12 {
            let mut prepared = Prepared::default();
            assert_eq!(prepared.more("# a\n"), "# a\n");
            assert_eq!(prepared.more("# a\n# b\n"), "# b\n");
            assert!(prepared.more("# c\n").is_empty(), "that is another");
            let log = b"# a\n# b\nrunning\n";
            let told: Vec<u8> = log
                .chunks(size)
                .flat_map(|piece| prepared.leave_out(Bytes::copy_from_slice(piece)))
                .collect();
            assert_eq!(told, b"running\n", "{size}");
        }
        let mut prepared = Prepared::default();
        prepared.more("# a\n");
        assert_eq!(prepared.leave_out(Bytes::from_static(b"other\n")), "other\n");
        assert_eq!(prepared.leave_out(Bytes::from_static(b"# a\n")), "# a\n");
    }
}
