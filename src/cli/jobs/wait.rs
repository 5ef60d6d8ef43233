use std::time::{Duration, Instant};

use clap::Args;

use super::connect::patiently;
use super::source::{JobSource, JobSourceArgs};
use super::view::{self, Row};
use crate::cli::Context;
use crate::cli::complete::job_ids;
use crate::error::{Exit, Failure};
use crate::job::HINDERED;
use crate::job::kubernetes::{ClusterJob, KubernetesJobs};
use crate::model::{Job, JobId, JobStatus, Seconds};
use crate::services::client::SchedulerClient;
use crate::services::scheduler::wire::JobQuery;
use crate::ui::{Format, Printer, Progress};

/// The longest that the scheduler puts off an answer.
const ROUND: u64 = 30;

/// Wait until jobs have ended
///
/// Exits with 0 if all of them succeeded and with 5 if one failed, was cancelled, or the time ran out. Goes on
/// when the scheduler is restarted meanwhile.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  csw jobs wait run-1
  csw jobs wait run-1 run-2 --timeout 15m
  csw jobs wait --all -o json
  csw jobs wait run-1 --on kubernetes --timeout 1h")]
pub(super) struct WaitArgs {
    #[command(flatten)]
    source: JobSourceArgs,

    /// The jobs
    #[arg(required_unless_present = "all", conflicts_with = "all", value_name = "ID", add = job_ids())]
    ids: Vec<JobId>,

    /// Wait for every job that has not ended now
    #[arg(long)]
    all: bool,

    /// Give up after this time: seconds, or with a unit as in 15m
    #[arg(long, value_name = "TIME")]
    timeout: Option<Seconds>,

    /// How to write the jobs as they ended
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,
}

pub(super) fn run(context: &Context, args: WaitArgs) -> anyhow::Result<Exit> {
    let WaitArgs { source, mut ids, all, timeout, output } = args;
    let printer = context.printer();
    let deadline = timeout.and_then(|t| Instant::now().checked_add(t.to_duration()));
    let source = source.source(context)?;
    context.block_on(async {
        match source.find().await? {
            JobSource::Scheduler(client) => {
                client.health().await?;
                if all {
                    ids = unfinished_jobs(&client).await?;
                }
                let jobs = wait_for(&client, printer, &ids, deadline).await?;
                conclude(printer, output, &jobs, "csw jobs results")
            }
            JobSource::Kubernetes(cluster) => {
                if all {
                    let jobs = cluster.list().await?.into_iter().map(|job| job.job);
                    ids = jobs.filter(|job| !job.status.is_final()).map(|job| job.id).collect();
                }
                let jobs = wait_in(&cluster, printer, &ids, deadline).await?;
                conclude(printer, output, &jobs, "csw jobs logs --on kubernetes")
            }
        }
    })
}

/// Shows the jobs; an error unless all of them have succeeded.
fn conclude<R: Row>(printer: Printer, output: Format, jobs: &[R], why: &str) -> anyhow::Result<Exit> {
    view::show(printer, output, jobs)?;
    let hindered: Vec<&R> = jobs.iter().filter(|row| row.hindrance().is_some()).collect();
    if let Some((first, why)) = hindered.first().and_then(|row| Some((row.job(), row.hindrance()?))) {
        let message = format!("{} of {} jobs can't start; {}: {why}", hindered.len(), jobs.len(), first.id);
        return Err(Failure::failed(message).hint(HINDERED.replace("ID", first.id.as_str())).into());
    }
    let unfinished = jobs.iter().filter(|row| !row.job().status.is_final()).count();
    if unfinished > 0 {
        let message = format!("the time ran out: {unfinished} of {} jobs have not ended", jobs.len());
        return Err(Failure::failed(message)
            .hint("Wait longer, or cancel them: `csw jobs cancel ID`")
            .into());
    }
    let bad: Vec<&Job> = jobs.iter().map(Row::job).filter(|job| job.status != JobStatus::Success).collect();
    if let Some(first) = bad.first() {
        let message = format!("{} of {} jobs did not succeed", bad.len(), jobs.len());
        return Err(Failure::failed(message).hint(format!("See why: `{why} {}`", first.id)).into());
    }
    Ok(Exit::Ok)
}

async fn wait_in(
    cluster: &KubernetesJobs,
    printer: Printer,
    ids: &[JobId],
    deadline: Option<Instant>,
) -> anyhow::Result<Vec<ClusterJob>> {
    let progress = Progress::counted(printer, ids.len() as u64, "jobs");
    let told = |ended: usize, unfinished: Option<&ClusterJob>| {
        progress.at(ended as u64);
        if let Some(ClusterJob { job, .. }) = unfinished {
            let reason = job.reason.as_deref().unwrap_or("running");
            progress.message(format!("{}: {reason}", job.id));
        }
    };
    Ok(cluster.wait(ids, deadline.map(tokio::time::Instant::from_std), told).await?)
}

async fn unfinished_jobs(client: &SchedulerClient) -> anyhow::Result<Vec<JobId>> {
    let status = vec![JobStatus::Pending, JobStatus::Running];
    let mut query = JobQuery { status, limit: 1000, ..JobQuery::default() };
    let mut ids = Vec::new();
    loop {
        let page = client.page(&query).await?;
        ids.extend(page.jobs.into_iter().map(|job| job.id));
        query.after = page.next;
        if query.after.is_none() {
            return Ok(ids);
        }
    }
}

/// The jobs as they stand at the end.
async fn wait_for(
    client: &SchedulerClient,
    printer: Printer,
    ids: &[JobId],
    deadline: Option<Instant>,
) -> anyhow::Result<Vec<Job>> {
    let progress = Progress::counted(printer, ids.len() as u64, "jobs");
    let mut jobs = Vec::with_capacity(ids.len());
    for id in ids {
        let job = loop {
            let left = deadline.map(|d| d.saturating_duration_since(Instant::now()));
            let seconds = left.map_or(ROUND, |left| left.as_secs_f64().ceil().min(ROUND as f64) as u64);
            let job = patiently(|| client.wait(id, seconds)).await?;
            if job.status.is_final() || left == Some(Duration::ZERO) {
                break job;
            }
        };
        jobs.push(job);
        progress.step();
    }
    Ok(jobs)
}
