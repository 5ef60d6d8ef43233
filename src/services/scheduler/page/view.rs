use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::chart::Chart;
use super::recent::{seconds, typical};
use crate::model::{ClusterType, Job, JobStatus, ModelName};
use crate::services::scheduler::SchedulerState;
use crate::store::{JobStore, Page, StoreError};

/// Jobs of each table.
const ROWS: usize = 25;
/// Jobs that have ended and are looked at.
const ENDED: usize = 200;

/// What the page shows.
#[derive(Debug, Default, Serialize)]
pub(super) struct View {
    version: &'static str,
    now: String,
    refresh: Option<u32>,
    counts: Vec<Count>,
    oldest: Option<String>,
    pub(super) waiting: Vec<JobRow>,
    running: Vec<JobRow>,
    ended: Vec<JobRow>,
    models: Vec<ModelRow>,
    chart: Chart,
}

#[derive(Debug, Serialize)]
struct Count {
    status: String,
    count: u64,
}

/// A job as a line of a table.
#[derive(Debug, Default, Serialize)]
pub(super) struct JobRow {
    pub(super) id: String,
    pub(super) model: String,
    pub(super) task: String,
    pub(super) status: String,
    pub(super) attempt: u32,
    /// How long ago it was accepted, started or ended, whichever came last.
    pub(super) ago: String,
    pub(super) took: String,
    pub(super) reason: String,
}

#[derive(Debug, Serialize)]
struct ModelRow {
    name: String,
    oneliner: String,
    kind: &'static str,
    expected: String,
    typical: String,
    waiting: usize,
    running: usize,
}

impl View {
    #[cfg(test)]
    pub(super) fn empty() -> Self {
        Self { version: "0", ..Self::default() }
    }

    pub(super) async fn of(state: &SchedulerState, refresh: Option<u32>) -> Result<Self, StoreError> {
        let store = &*state.store;
        let now = Timestamp::now();
        let counts = store.counts().await?;
        let page = |status, limit| Page { status: vec![status], limit: Some(limit), ..Page::default() };
        let waiting = store.list(&page(JobStatus::Pending, 1000)).await?;
        let running = store.list(&page(JobStatus::Running, 1000)).await?;
        let mut ended = store.recent(ENDED).await?;
        ended.sort_by_key(|job| std::cmp::Reverse(job.finished_at));
        let rows = |jobs: &[Job]| jobs.iter().take(ROWS).map(|job| row(state, job, now)).collect();
        Ok(Self {
            version: env!("CARGO_PKG_VERSION"),
            now: now.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
            refresh,
            counts: counts
                .by_status()
                .into_iter()
                .map(|(status, count)| Count { status: status.as_str().to_lowercase(), count })
                .collect(),
            oldest: waiting.first().map(|job| span(job.created_at, now)),
            waiting: rows(&waiting),
            running: rows(&running),
            ended: rows(&ended),
            models: models(state, &waiting, &running, &ended),
            chart: Chart::of(&ended),
        })
    }
}

fn row(state: &SchedulerState, job: &Job, now: Timestamp) -> JobRow {
    let last = job.finished_at.or(job.started_at).unwrap_or(job.created_at);
    JobRow {
        id: job.id.to_string(),
        model: job.model.to_string(),
        task: job.task.to_string(),
        status: job.status.to_string(),
        attempt: job.attempt,
        ago: span(if job.status == JobStatus::Pending { job.created_at } else { last }, now),
        took: seconds(job).map(took).unwrap_or_default(),
        reason: state.dispatcher.reason(job).unwrap_or_default(),
    }
}

fn models(state: &SchedulerState, waiting: &[Job], running: &[Job], ended: &[Job]) -> Vec<ModelRow> {
    let count = |jobs: &[Job]| {
        let mut counts: BTreeMap<ModelName, usize> = BTreeMap::new();
        jobs.iter().for_each(|job| *counts.entry(job.model.clone()).or_default() += 1);
        counts
    };
    let (waiting, running, typical) = (count(waiting), count(running), typical(ended));
    let of = |counts: &BTreeMap<ModelName, usize>, name: &ModelName| counts.get(name).copied().unwrap_or(0);
    let all = state.catalogue.models().all();
    all.values()
        .map(|model| ModelRow {
            name: model.name.to_string(),
            oneliner: model.oneliner.clone().unwrap_or_default(),
            kind: match model.cluster_type {
                ClusterType::SingleCore => "single-core",
                ClusterType::Dask => "dask",
            },
            expected: model.exp_task_time.map(|time| took(time.as_secs_f64())).unwrap_or_default(),
            typical: typical.get(&model.name).map(|s| took(*s)).unwrap_or_default(),
            waiting: of(&waiting, &model.name),
            running: of(&running, &model.name),
        })
        .collect()
}

fn span(from: Timestamp, to: Timestamp) -> String {
    took(to.duration_since(from).as_secs().max(0) as f64)
}

/// A time in its two largest units; a fraction where it matters.
pub(super) fn took(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        0..10 if seconds.fract() != 0.0 => format!("{seconds:.1} s"),
        0..60 => format!("{whole} s"),
        60..3600 if whole.is_multiple_of(60) => format!("{} min", whole / 60),
        60..3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        3600..86_400 => format!("{} h {:02} min", whole / 3600, whole % 3600 / 60),
        _ => format!("{} d {:02} h", whole / 86_400, whole % 86_400 / 3600),
    }
}
