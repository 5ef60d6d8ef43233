use std::collections::{BTreeMap, HashMap};

use axum::extract::State;
use axum::response::Response;
use jiff::Timestamp;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use super::SchedulerState;
use super::routes::Shared;
use crate::model::JobStatus;
use crate::services::api::ApiError;
use crate::services::metrics::{Requests, exposition};
use crate::store::{JobStore, Page, StoreError};

/// Models with series of their own: those with the most jobs. The others share one.
const MODELS: usize = 50;
/// Jobs that are counted by model.
const COUNTED: usize = 20_000;
/// Jobs that are read at once.
const CHUNK: usize = 1000;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Standing {
    status: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfModel {
    model: String,
    status: String,
}

/// What the scheduler tells Prometheus.
pub(super) struct Metrics {
    pub(super) requests: Requests,
    registry: Registry,
    jobs: Family<Standing, Gauge>,
    by_model: Family<OfModel, Gauge>,
    oldest: Gauge,
    executors: Gauge,
}

impl Metrics {
    pub(super) fn new(state: &SchedulerState) -> Self {
        let mut registry = Registry::default();
        let requests = Requests::register(&mut registry);
        let (jobs, by_model) = (Family::default(), Family::default());
        let (oldest, executors) = (Gauge::default(), Gauge::default());
        registry.register("csw_jobs", "Jobs that are remembered, by state", jobs.clone());
        registry.register(
            "csw_model_jobs",
            "Jobs that have not ended, by model; `other` is all models beyond those with the most",
            by_model.clone(),
        );
        registry.register("csw_queue_oldest_seconds", "Age of the oldest job that waits", oldest.clone());
        registry.register("csw_executors", "Executors that run", executors.clone());
        registry.register("csw_store_seconds", "Time of operations of the store", state.store.times());
        let version = [("version".to_owned(), env!("CARGO_PKG_VERSION").to_owned())];
        registry.register("csw_build", "This csw", Info::new(version));
        Self { requests, registry, jobs, by_model, oldest, executors }
    }

    async fn look(&self, state: &SchedulerState) -> Result<(), StoreError> {
        let counts = state.store.counts().await?;
        for (status, count) in counts.by_status() {
            let series = Standing { status: status.as_str().to_lowercase() };
            self.jobs.get_or_create(&series).set(gauge(count));
        }
        let now = Timestamp::now();
        let oldest = state.store.pending(1).await?.first().map(|job| now.duration_since(job.created_at));
        self.oldest.set(oldest.map_or(0, |age| age.as_secs().max(0)));
        self.executors.set(gauge(state.dispatcher.running() as u64));
        // Models come and go, and those with the most jobs are others each time.
        let by_model = by_model(state).await?;
        self.by_model.clear();
        for (series, count) in by_model {
            self.by_model.get_or_create(&series).set(gauge(count));
        }
        Ok(())
    }
}

/// `GET /metrics`
pub(super) async fn metrics(State(shared): State<Shared>) -> Result<Response, ApiError> {
    let Shared { state, metrics } = shared;
    metrics.look(&state).await?;
    Ok(exposition(&metrics.registry))
}

async fn by_model(state: &SchedulerState) -> Result<HashMap<OfModel, u64>, StoreError> {
    let status = vec![JobStatus::Pending, JobStatus::Running];
    let mut page = Page { status, limit: Some(CHUNK), ..Page::default() };
    let mut counts: BTreeMap<String, HashMap<JobStatus, u64>> = BTreeMap::new();
    for _ in 0..COUNTED / CHUNK {
        let jobs = match state.store.list(&page).await {
            // It has ended and gone in between.
            Err(StoreError::NoSuchJob { .. }) => break,
            jobs => jobs?,
        };
        for job in &jobs {
            *counts.entry(job.model.to_string()).or_default().entry(job.status).or_default() += 1;
        }
        page.after = jobs.last().map(|job| job.id.clone());
        if jobs.len() < CHUNK {
            break;
        }
    }
    Ok(bounded(counts))
}

/// Series for the models with the most jobs, and one for all others.
fn bounded(counts: BTreeMap<String, HashMap<JobStatus, u64>>) -> HashMap<OfModel, u64> {
    let mut models: Vec<_> = counts.into_iter().collect();
    models.sort_by_key(|(_, counts)| std::cmp::Reverse(counts.values().sum::<u64>()));
    let mut series = HashMap::new();
    for (rank, (model, counts)) in models.into_iter().enumerate() {
        let model = if rank < MODELS { model } else { "other".to_owned() };
        for (status, count) in counts {
            let key = OfModel { model: model.clone(), status: status.as_str().to_lowercase() };
            *series.entry(key).or_default() += count;
        }
    }
    series
}

fn gauge(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_many_models_there_are_the_series_are_few() {
        let pending = |n| HashMap::from([(JobStatus::Pending, n)]);
        let mut counts: BTreeMap<_, _> = (0..500).map(|n| (format!("Test/M{n}"), pending(1))).collect();
        counts.insert("Test/Busy".into(), HashMap::from([(JobStatus::Pending, 9), (JobStatus::Running, 2)]));
        let series = bounded(counts);
        assert!(series.len() <= 2 * MODELS + 1, "{}", series.len());
        let of = |model: &str, status: &str| OfModel { model: model.into(), status: status.into() };
        assert_eq!(series[&of("Test/Busy", "running")], 2);
        assert_eq!(series[&of("other", "pending")], 500 - (MODELS as u64 - 1));
    }
}
