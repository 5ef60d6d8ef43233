use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use tokio_util::sync::DropGuard;

use super::Dispatcher;
use crate::job::AttemptKey;
use crate::services::ServiceError;

impl Dispatcher {
    /// Once this is dropped, what did not work is tried once more and then left to the next start.
    pub fn settle_until_dropped(&self) -> DropGuard {
        self.shared.stopped.clone().drop_guard()
    }

    /// Does what brings an attempt on its way to its end, again and again until it works: what it needs may be away for
    /// a while, and nobody else would come back to the job. When the dispatcher is stopped it is tried once more; the
    /// next start of the scheduler finds what is left. `None` if it never worked.
    pub(super) async fn settle<T, F>(&self, key: &AttemptKey, once: impl Fn() -> F) -> Option<T>
    where
        F: Future<Output = Result<T, ServiceError>>,
    {
        let policy = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(500))
            .with_max_delay(Duration::from_secs(30))
            .without_max_times()
            .with_jitter();
        let stopped = self.shared.stopped.clone();
        let settled = once
            .retry(policy)
            .sleep(move |pause| {
                let stopped = stopped.clone();
                async move { drop(tokio::time::timeout(pause, stopped.cancelled()).await) }
            })
            .when(|_| !self.shared.stopped.is_cancelled())
            .notify(|e, pause| tracing::warn!("cannot settle {key}: {e}; trying again in {pause:?}"))
            .await;
        match settled {
            Ok(settled) => Some(settled),
            Err(e) => {
                tracing::error!("cannot settle {key}: {e}; that is left to the next start");
                None
            }
        }
    }
}
