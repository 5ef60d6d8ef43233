//! Jobs told again whenever they have changed.

use std::collections::HashMap;
use std::time::Duration;

use super::choice::JobChoice;
use super::connect::patiently;
use super::view::{self, Row};
use crate::error::Exit;
use crate::job::kubernetes::{ClusterJob, KubernetesJobs};
use crate::model::{Job, JobId, JobStatus};
use crate::services::client::SchedulerClient;
use crate::ui::{Columns, Format, Printer};

/// How soon a change is seen.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// A cluster's API server is asked for every object each time.
const LOOK_AT_CLUSTER: Duration = Duration::from_secs(2);

/// What was told last of each job.
struct Told {
    printer: Printer,
    format: Format,
    columns: Columns,
    jobs: HashMap<JobId, Stand>,
}

/// What is news when it changes. What a pending job waits for changes all the time.
#[derive(PartialEq)]
struct Stand {
    status: JobStatus,
    attempt: u32,
    reason: Option<String>,
}

impl Stand {
    fn of(job: &Job) -> Self {
        let reason = job.reason.clone().filter(|_| job.status != JobStatus::Pending);
        Self { status: job.status, attempt: job.attempt, reason }
    }
}

impl Told {
    fn tell<R: Row>(&mut self, jobs: Vec<R>) -> anyhow::Result<()> {
        let stands = jobs.iter().map(|row| (row.job().id.clone(), Stand::of(row.job()))).collect();
        let before = std::mem::replace(&mut self.jobs, stands);
        let is_news = |row: &R| before.get(&row.job().id) != self.jobs.get(&row.job().id);
        let news: Vec<R> = jobs.into_iter().filter(is_news).collect();
        if news.is_empty() {
            return Ok(());
        }
        let mut text = String::new();
        match self.format {
            Format::Json => {
                for row in &news {
                    text += &serde_json::to_string(row)?;
                    text.push('\n');
                }
            }
            Format::Name => news.iter().for_each(|row| text += &format!("{}\n", row.job().id)),
            Format::Table | Format::Yaml => {
                text = self.printer.table(&view::table(&news).continued(&mut self.columns));
            }
        }
        Ok(self.printer.data(text)?)
    }
}

async fn on<R: Row>(
    printer: Printer,
    format: Format,
    first: Vec<R>,
    pause: Duration,
    look: impl AsyncFn() -> anyhow::Result<Vec<R>>,
) -> anyhow::Result<Exit> {
    let mut told = Told { printer, format, columns: Columns::default(), jobs: HashMap::new() };
    told.tell(first)?;
    loop {
        tokio::time::sleep(pause).await;
        told.tell(look().await?)?;
    }
}

pub(super) async fn of_scheduler(
    client: &SchedulerClient,
    printer: Printer,
    format: Format,
    choice: &JobChoice,
    first: Vec<Job>,
) -> anyhow::Result<Exit> {
    // It may be in the middle of a restart.
    let look = async || Ok(patiently(|| choice.of_scheduler(client)).await?);
    on(printer, format, first, LOOK_AGAIN, look).await
}

pub(super) async fn of_cluster(
    cluster: &KubernetesJobs,
    printer: Printer,
    format: Format,
    choice: &JobChoice,
    first: Vec<ClusterJob>,
) -> anyhow::Result<Exit> {
    on(printer, format, first, LOOK_AT_CLUSTER, async || Ok(choice.of_cluster(cluster).await?)).await
}
