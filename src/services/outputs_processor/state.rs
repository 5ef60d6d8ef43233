use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard, Notify, Semaphore};

use super::PushTarget;
use crate::model::JobId;
use crate::outputs::Bucket;
use crate::store::JobStore;

/// How much a request may bring.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of a body of `/write/`; all such bodies together take no more memory either.
    pub write: usize,
    /// Bytes of a body of `/push/`.
    pub push: usize,
    /// A sender that is silent for so long is given up.
    pub silence: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { write: 512 << 20, push: 64 << 20, silence: Duration::from_secs(60) }
    }
}

/// What the outputs processor works with.
pub struct OutputsProcessor {
    pub(super) store: Arc<dyn JobStore>,
    pub(super) bucket: Bucket,
    pub(super) target: Option<PushTarget>,
    pub(super) limits: Limits,
    /// Wakes the pusher.
    pub(super) recorded: Notify,
    /// Memory for bodies, in KiB.
    pub(super) memory: Semaphore,
    writing: [Mutex<()>; 64],
}

impl OutputsProcessor {
    /// Results go to `store` and `bucket`, and with a target, from there to the web app (see [`super::pusher`]).
    pub fn new(
        store: Arc<dyn JobStore>,
        bucket: Bucket,
        target: Option<PushTarget>,
        limits: Limits,
    ) -> Arc<Self> {
        Arc::new(Self {
            store,
            bucket,
            target,
            limits,
            recorded: Notify::new(),
            memory: Semaphore::new(limits.write.div_ceil(1024).max(1)),
            writing: std::array::from_fn(|_| Mutex::new(())),
        })
    }

    /// Waits until nobody else writes outputs of that job.
    ///
    /// An attempt's token is checked under this lock. So a late write of an older attempt is over before the token
    /// of a newer one is, and never replaces the newer one's outputs.
    pub(super) async fn writing(&self, id: &JobId) -> MutexGuard<'_, ()> {
        let mut hasher = DefaultHasher::new();
        id.hash(&mut hasher);
        let stripe = usize::try_from(hasher.finish() % 64).unwrap_or_default();
        let [first, ..] = &self.writing;
        self.writing.get(stripe).unwrap_or(first).lock().await
    }
}
