use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::attempt::Tried;
use crate::services::metrics::Requests;
use crate::store::{Backlog, Recorded};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct State {
    state: &'static str,
}

/// What an outputs processor counts.
pub(super) struct Metrics {
    pub(super) registry: Registry,
    pub(super) requests: Requests,
    results: Family<Ended, Counter>,
    pushes: Family<Ended, Counter>,
    undelivered: Family<State, Gauge>,
    /// Simulations whose outputs the bucket has taken.
    pub(super) stored: Counter,
    /// Jobs that retention has removed.
    pub(super) forgotten: Counter,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let mut registry = Registry::default();
        let requests = Requests::register(&mut registry);
        let (results, pushes, undelivered) = (Family::default(), Family::default(), Family::default());
        let (stored, forgotten) = (Counter::default(), Counter::default());
        registry.register("csw_results", "Results that executors delivered", results.clone());
        registry.register("csw_pushes", "Tries to hand a result to the web app", pushes.clone());
        registry.register("csw_undelivered_results", "Results that the web app has not", undelivered.clone());
        registry.register("csw_stored_outputs", "Simulations whose outputs were stored", stored.clone());
        registry.register("csw_forgotten_jobs", "Jobs that retention removed", forgotten.clone());
        Self { registry, requests, results, pushes, undelivered, stored, forgotten }
    }

    pub(super) fn recorded(&self, recorded: Recorded) {
        let outcome = match recorded {
            Recorded::Accepted => "accepted",
            Recorded::Duplicate => "duplicate",
            Recorded::Fenced => "fenced",
        };
        self.results.get_or_create(&Ended { outcome }).inc();
    }

    pub(super) fn tried(&self, tried: &Tried) {
        let outcome = match tried {
            Tried::Taken => "taken",
            Tried::Refused(_) => "refused",
            Tried::Later(_) => "later",
            Tried::Closed(..) => "unavailable",
        };
        self.pushes.get_or_create(&Ended { outcome }).inc();
    }

    pub(super) fn set_backlog(&self, backlog: Backlog) {
        for (state, count) in [("waiting", backlog.waiting), ("dead", backlog.dead)] {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            self.undelivered.get_or_create(&State { state }).set(count);
        }
    }
}
