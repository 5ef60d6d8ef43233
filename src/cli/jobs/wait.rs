use std::time::{Duration, Instant};

use clap::Args;

use super::connect::{SchedulerArgs, patiently};
use super::view;
use crate::cli::Context;
use crate::cli::complete::job_ids;
use crate::error::{Exit, Failure};
use crate::model::{Job, JobId, JobStatus, Seconds};
use crate::services::client::SchedulerClient;
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
  csw jobs wait --all -o json")]
pub(super) struct WaitArgs {
    #[command(flatten)]
    scheduler: SchedulerArgs,

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
    let WaitArgs { scheduler, mut ids, all, timeout, output } = args;
    let client = scheduler.client(context)?;
    let printer = context.printer();
    let deadline = timeout.and_then(|t| Instant::now().checked_add(t.to_duration()));
    let (jobs, unfinished) = context.block_on(async {
        client.health().await?;
        if all {
            ids = unfinished_jobs(&client).await?;
        }
        wait_for(&client, printer, &ids, deadline).await
    })?;
    printer.view(output, &jobs, |jobs| view::table(jobs), |jobs| view::names(jobs))?;
    if unfinished > 0 {
        let message = format!("the time ran out: {unfinished} of {} jobs have not ended", jobs.len());
        return Err(Failure::failed(message)
            .hint("Wait longer, or cancel them: `csw jobs cancel ID`")
            .into());
    }
    let bad: Vec<&Job> = jobs.iter().filter(|job| job.status != JobStatus::Success).collect();
    if let Some(first) = bad.first() {
        let message = format!("{} of {} jobs did not succeed", bad.len(), jobs.len());
        return Err(Failure::failed(message)
            .hint(format!("See why: `csw jobs results {}`", first.id))
            .into());
    }
    Ok(Exit::Ok)
}

async fn unfinished_jobs(client: &SchedulerClient) -> anyhow::Result<Vec<JobId>> {
    let mut ids = Vec::new();
    let mut after = None;
    loop {
        let page = client.page(&[JobStatus::Pending, JobStatus::Running], &[], after.as_ref(), 1000).await?;
        ids.extend(page.jobs.into_iter().map(|job| job.id));
        after = page.next;
        if after.is_none() {
            return Ok(ids);
        }
    }
}

/// The jobs as they stand at the end, and how many of them have not ended.
async fn wait_for(
    client: &SchedulerClient,
    printer: Printer,
    ids: &[JobId],
    deadline: Option<Instant>,
) -> anyhow::Result<(Vec<Job>, usize)> {
    let progress = Progress::counted(printer, ids.len() as u64, "jobs");
    let mut jobs = Vec::with_capacity(ids.len());
    let mut unfinished = 0;
    for id in ids {
        let job = loop {
            let left = deadline.map(|d| d.saturating_duration_since(Instant::now()));
            let seconds = left.map_or(ROUND, |left| left.as_secs_f64().ceil().min(ROUND as f64) as u64);
            let job = patiently(|| client.wait(id, seconds)).await?;
            if job.status.is_final() || left == Some(Duration::ZERO) {
                break job;
            }
        };
        unfinished += usize::from(!job.status.is_final());
        jobs.push(job);
        progress.step();
    }
    Ok((jobs, unfinished))
}
