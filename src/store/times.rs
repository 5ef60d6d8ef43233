use std::time::Instant;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;

/// Seconds: from what memory answers to what a disk or network in trouble takes.
const BUCKETS: [f64; 10] = [0.0002, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0];

/// An operation of a store.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct StoreOperation {
    operation: &'static str,
}

/// How long operations took, to be shown to Prometheus.
pub type OperationTimes = Family<StoreOperation, Histogram, fn() -> Histogram>;

/// Takes the times of operations. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Clockwork(OperationTimes);

impl Clockwork {
    pub(super) fn new() -> Self {
        Self(Family::new_with_constructor(|| Histogram::new(BUCKETS)))
    }

    pub(super) fn times(&self) -> OperationTimes {
        self.0.clone()
    }

    pub(super) async fn time<T>(&self, operation: &'static str, work: impl Future<Output = T>) -> T {
        let begin = Instant::now();
        let outcome = work.await;
        self.0.get_or_create(&StoreOperation { operation }).observe(begin.elapsed().as_secs_f64());
        outcome
    }
}
