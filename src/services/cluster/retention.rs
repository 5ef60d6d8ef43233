use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::interval;

use crate::model::{JobId, JobStatus};
use crate::store::{JobStore, Page, StoreError};

/// How often is looked for what has ended long enough ago.
const EVERY: Duration = Duration::from_secs(60);
/// Jobs that are looked at at once.
const CHUNK: usize = 500;

/// Forgets jobs that ended longer ago than `keep`; never returns.
pub(super) async fn forget_ended(store: &dyn JobStore, keep: Duration) {
    let mut tick = interval(EVERY.min(keep.max(Duration::from_millis(200))));
    loop {
        tick.tick().await;
        if let Err(error) = once(store, keep).await {
            tracing::warn!("cannot forget jobs that have ended: {error}");
        }
    }
}

async fn once(store: &dyn JobStore, keep: Duration) -> Result<(), StoreError> {
    let keep = SignedDuration::try_from(keep).unwrap_or(SignedDuration::MAX);
    let limit = Timestamp::now().checked_sub(keep).unwrap_or(Timestamp::MIN);
    let mut page = Page {
        status: vec![JobStatus::Success, JobStatus::Fail, JobStatus::Cancelled],
        limit: Some(CHUNK),
        ..Page::default()
    };
    let mut old: Vec<JobId> = Vec::new();
    loop {
        let jobs = match store.list(&page).await {
            // Removed by somebody meanwhile: the next round sees the rest.
            Err(StoreError::NoSuchJob { .. }) => break,
            jobs => jobs?,
        };
        let whole = jobs.len() < CHUNK;
        page.after = jobs.last().map(|job| job.id.clone());
        let ended = jobs.into_iter().filter(|job| job.finished_at.is_some_and(|at| at < limit));
        old.extend(ended.map(|job| job.id));
        if whole {
            break;
        }
    }
    for ids in old.chunks(CHUNK) {
        store.remove(ids).await?;
    }
    Ok(())
}
