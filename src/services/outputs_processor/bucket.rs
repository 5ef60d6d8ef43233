//! Whether outputs can be stored, found out anew as long as they can't.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use tokio_util::sync::CancellationToken;

use super::OutputsProcessor;
use crate::outputs::OutputsError;

/// How soon, and how rarely in the end, a bucket that took nothing is tried again.
const SOON: Duration = Duration::from_millis(500);
const LATE: Duration = Duration::from_secs(20);

/// What stands in for trouble until the bucket has been tried.
pub(super) const UNKNOWN: &str = "it is not known yet whether the bucket takes outputs";

impl OutputsProcessor {
    /// Why nothing could be stored in the bucket when that was tried last.
    pub fn bucket_trouble(&self) -> Option<String> {
        self.trouble.borrow().clone()
    }

    /// Notes how it went to store something.
    pub(super) fn noticed<T>(&self, stored: &Result<T, OutputsError>) {
        match stored {
            Ok(_) => self.note(None),
            // What is wrong with outputs says nothing about the bucket.
            Err(
                e @ (OutputsError::Bucket { .. }
                | OutputsError::Io { .. }
                | OutputsError::NoCredentials { .. }
                | OutputsError::Silent { .. }),
            ) => self.note(Some(e.to_string())),
            Err(_) => {}
        }
    }

    fn note(&self, trouble: Option<String>) {
        self.trouble.send_if_modified(|known| {
            let changed = known.is_some() != trouble.is_some();
            match (&trouble, changed) {
                (Some(why), true) => tracing::error!("outputs can't be stored: {why}"),
                (None, true) if known.as_deref() != Some(UNKNOWN) => {
                    tracing::warn!("outputs can be stored again");
                }
                _ => {}
            }
            *known = trouble;
            changed
        });
    }
}

/// Tries the bucket at the start, and one that took nothing again and again, until told to stop: it must be seen that it does, also while nobody
/// sends anything because it does not.
pub async fn mind_bucket(state: &OutputsProcessor, stop: &CancellationToken) {
    let mut trouble = state.trouble.subscribe();
    let minding = async {
        state.noticed(&state.bucket.check().await);
        loop {
            if trouble.wait_for(Option::is_some).await.is_err() {
                return;
            }
            let pauses = ExponentialBuilder::default().with_min_delay(SOON).with_max_delay(LATE);
            for pause in pauses.without_max_times().with_jitter().build() {
                tokio::time::sleep(pause).await;
                state.noticed(&state.bucket.check().await);
                if state.trouble.borrow().is_none() {
                    break;
                }
            }
        }
    };
    stop.run_until_cancelled(minding).await;
}
