use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard, Notify, Semaphore, watch};
use tokio_util::sync::CancellationToken;

use super::metrics::Metrics;
use super::{Admission, PushTarget};
use crate::model::JobId;
use crate::outputs::Bucket;
use crate::store::{ClusterKey, EmbeddedStore, JobStore};

/// Each takes a thread and a few megabytes, whatever its size.
const PLACES: usize = 32;

/// How much a request may bring.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of a body of `/write/`.
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
    pub(super) ledger: Arc<EmbeddedStore>,
    pub(super) admission: Admission,
    pub(super) bucket: Bucket,
    pub(super) target: Option<PushTarget>,
    pub(super) limits: Limits,
    /// Wakes the pusher.
    pub(super) recorded: Notify,
    /// Bodies of `/write/` that are read at once.
    pub(super) places: Semaphore,
    /// Cancelled when nothing more is to be taken on.
    pub(super) stopping: CancellationToken,
    pub(super) metrics: Metrics,
    /// Why nothing could be stored in the bucket when that was tried last.
    pub(super) trouble: watch::Sender<Option<String>>,
    writing: [Mutex<()>; 64],
}

impl OutputsProcessor {
    /// Results of attempts that `store` has started go to `store` and `bucket`, and with a target, from there to the web
    /// app (see [`super::pusher`]). `ledger` is what is under `store`.
    pub fn new(
        store: Arc<dyn JobStore>,
        ledger: Arc<EmbeddedStore>,
        bucket: Bucket,
        target: Option<PushTarget>,
        limits: Limits,
    ) -> Arc<Self> {
        Self::with(store, ledger, Admission::Started, bucket, target, limits)
    }

    /// The same for results of attempts whose token was made with `key`: nothing else has to be known of them.
    pub fn of_cluster(
        key: ClusterKey,
        ledger: Arc<EmbeddedStore>,
        bucket: Bucket,
        target: Option<PushTarget>,
        limits: Limits,
    ) -> Arc<Self> {
        let store = Arc::clone(&ledger) as Arc<dyn JobStore>;
        Self::with(store, ledger, Admission::Signed(key), bucket, target, limits)
    }

    fn with(
        store: Arc<dyn JobStore>,
        ledger: Arc<EmbeddedStore>,
        admission: Admission,
        bucket: Bucket,
        target: Option<PushTarget>,
        limits: Limits,
    ) -> Arc<Self> {
        Arc::new(Self {
            store,
            ledger,
            admission,
            bucket,
            target,
            limits,
            recorded: Notify::new(),
            places: Semaphore::new(PLACES),
            stopping: CancellationToken::new(),
            metrics: Metrics::new(),
            trouble: watch::Sender::new(None),
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
