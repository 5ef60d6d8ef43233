use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::chart::Chart;
use super::filter::{Choice, Filter, STATES};
use super::recent::{seconds, typical};
use crate::model::{ClusterType, Job, JobStatus, ModelName};
use crate::services::scheduler::SchedulerState;
use crate::store::{JobStore, Page, StoreError};

/// Jobs of each table of the overview.
const ROWS: usize = 25;
/// Jobs of a list that was asked for.
const PAGE: usize = 100;
/// Jobs that have ended and are looked at.
const ENDED: usize = 200;

/// What the page shows.
#[derive(Debug, Default, Serialize)]
pub(super) struct View {
    version: &'static str,
    now: String,
    refresh: Option<u32>,
    /// Addresses: of the overview, and of this page that refreshes itself and that does not.
    home: String,
    refreshing: String,
    still: String,
    counts: Vec<Count>,
    oldest: Option<String>,
    states: Vec<Choice>,
    of_models: Vec<Choice>,
    pub(super) sections: Vec<Section>,
    /// Whether that is what was asked for, and no overview.
    is_list: bool,
    models: Vec<ModelRow>,
    chart: Chart,
}

#[derive(Debug, Serialize)]
struct Count {
    status: String,
    count: u64,
    /// Address of the list of them.
    list: String,
}

/// Some jobs, and the address of more.
#[derive(Debug, Serialize)]
pub(super) struct Section {
    title: &'static str,
    columns: Columns,
    pub(super) jobs: Vec<JobRow>,
    more: Option<String>,
    /// What is said where there is no job.
    none: &'static str,
}

/// What is told of the jobs of a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Columns {
    Running,
    Waiting,
    Any,
}

impl Section {
    #[cfg(test)]
    pub(super) fn waiting(job: JobRow) -> Self {
        Self { title: "Waiting", columns: Columns::Waiting, jobs: vec![job], more: None, none: "" }
    }
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

    pub(super) async fn of(state: &SchedulerState, filter: &Filter) -> Result<Self, StoreError> {
        let store = &*state.store;
        let now = Timestamp::now();
        let counts = store.counts().await?;
        let oldest_first = |status| Page { status: vec![status], limit: Some(1000), ..Page::default() };
        let waiting = store.list(&oldest_first(JobStatus::Pending)).await?;
        let running = store.list(&oldest_first(JobStatus::Running)).await?;
        let mut ended = store.recent(ENDED).await?;
        ended.sort_by_key(|job| std::cmp::Reverse(job.finished_at));
        let mut failed = match filter.is_list() {
            true => Vec::new(),
            false => {
                let newest = Page { newest_first: true, ..oldest_first(JobStatus::Fail) };
                store.list(&Page { limit: Some(ENDED), ..newest }).await?
            }
        };
        failed.sort_by_key(|job| std::cmp::Reverse(job.finished_at));
        let only = |status| Filter { status, all: status.is_none(), after: None, ..filter.clone() };
        let section = |title, columns, jobs: &[Job], status, none| Section {
            title,
            columns,
            jobs: jobs.iter().take(ROWS).map(|job| row(state, job, now)).collect(),
            more: (jobs.len() > ROWS).then(|| only(status).address()),
            none,
        };
        let (fail, run, wait) = (JobStatus::Fail, JobStatus::Running, JobStatus::Pending);
        let sections = match filter.is_list() {
            true => vec![list(state, filter, now).await?],
            // Failures first: they are what somebody has to do something about.
            false => vec![
                section("Failed", Columns::Any, &failed, Some(fail), ""),
                section("Running", Columns::Running, &running, Some(run), "No job runs."),
                section("Waiting", Columns::Waiting, &waiting, Some(wait), ""),
                section("Ended", Columns::Any, &ended, None, "No job has ended yet."),
            ],
        };
        let mut names: Vec<String> = state.catalogue.models().all().keys().map(ToString::to_string).collect();
        let model = filter.model.as_ref().map(ToString::to_string);
        names.extend(model.clone().filter(|model| !names.contains(model)));
        Ok(Self {
            version: env!("CARGO_PKG_VERSION"),
            now: now.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
            refresh: filter.refresh,
            home: Filter { refresh: filter.refresh, ..Filter::default() }.address(),
            refreshing: Filter { refresh: Some(5), ..filter.clone() }.address(),
            still: Filter { refresh: None, ..filter.clone() }.address(),
            counts: counts
                .by_status()
                .into_iter()
                .map(|(status, count)| Count {
                    status: status.as_str().to_lowercase(),
                    count,
                    list: Filter { model: None, ..only(Some(status)) }.address(),
                })
                .collect(),
            oldest: waiting.first().map(|job| span(job.created_at, now)),
            states: STATES
                .into_iter()
                .map(|s| Choice { value: s.as_str().to_lowercase(), chosen: filter.status == Some(s) })
                .collect(),
            of_models: names
                .into_iter()
                .map(|name| Choice { chosen: model.as_ref() == Some(&name), value: name })
                .collect(),
            sections: sections.into_iter().filter(|s| !s.jobs.is_empty() || !s.none.is_empty()).collect(),
            is_list: filter.is_list(),
            models: models(state, &waiting, &running, &ended),
            chart: if filter.is_list() { Chart::default() } else { Chart::of(&ended) },
        })
    }
}

/// A page of the jobs that were asked for, the newest first.
async fn list(state: &SchedulerState, filter: &Filter, now: Timestamp) -> Result<Section, StoreError> {
    let page = Page {
        status: filter.status.into_iter().collect(),
        models: filter.model.clone().into_iter().collect(),
        after: filter.after.clone(),
        limit: Some(PAGE + 1),
        newest_first: true,
        ..Page::default()
    };
    let mut jobs = match state.store.list(&page).await {
        // The job that the page before ended with was forgotten meanwhile: from the beginning.
        Err(StoreError::NoSuchJob { .. }) => state.store.list(&Page { after: None, ..page }).await?,
        jobs => jobs?,
    };
    let more = jobs.len() > PAGE;
    jobs.truncate(PAGE);
    let after = jobs.last().filter(|_| more).map(|job| job.id.clone());
    let more = after.map(|after| Filter { after: Some(after), ..filter.clone() }.address());
    let jobs = jobs.iter().map(|job| row(state, job, now)).collect();
    Ok(Section { title: "Jobs", columns: Columns::Any, jobs, more, none: "No such jobs." })
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
