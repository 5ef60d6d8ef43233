use clap::Args;
use indicatif::HumanBytes;

use super::source::{JobSource, JobSourceArgs};
use crate::cli::complete::model_names;
use crate::cli::{Context, confirm};
use crate::error::Exit;
use crate::job::kubernetes::Retention;
use crate::model::{JobId, JobStatus, ModelName, Seconds};
use crate::services::scheduler::wire::{Cleaned, CleanupRequest, Ends};
use crate::ui::{Format, Table};

/// Delete jobs that have ended: their record, inputs, logs and results
///
/// Results that were handed to a web app are the web app's and stay in the bucket, and so do all results of a cluster; jobs
/// whose results the web app has yet to take are left alone. In a cluster without a scheduler: their Jobs and pods. Without
/// --succeeded and --failed: however they ended. Asks on a terminal, and wants --yes elsewhere.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  csw jobs cleanup --dry-run
  csw jobs cleanup --succeeded --older-than 12h
  csw jobs cleanup --keep-last 100 --yes
  csw jobs cleanup --on kubernetes --succeeded --older-than 1h --yes")]
pub(super) struct CleanupArgs {
    #[command(flatten)]
    source: JobSourceArgs,

    /// Jobs that succeeded
    #[arg(long)]
    succeeded: bool,

    /// Jobs that failed or were cancelled
    #[arg(long)]
    failed: bool,

    /// Only jobs of these models
    #[arg(short, long, value_delimiter = ',', value_name = "OWNER/TITLE", add = model_names())]
    names: Vec<ModelName>,

    /// Only jobs that ended longer ago than this: seconds, or with a unit as in 1h
    #[arg(long, value_name = "TIME")]
    older_than: Option<Seconds>,

    /// Spare so many of those that ended last
    #[arg(long, value_name = "N", default_value_t = 0)]
    keep_last: usize,

    /// Only say which, and how much that is
    #[arg(long)]
    dry_run: bool,

    /// Don't ask
    #[arg(short, long)]
    yes: bool,

    /// How to write which
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,
}

pub(super) fn run(context: &Context, args: CleanupArgs) -> anyhow::Result<Exit> {
    let CleanupArgs { source, succeeded, failed, names, older_than, keep_last, dry_run, yes, output } = args;
    // Without either: however they ended.
    let (succeeded, failed) = (succeeded || !failed, failed || !succeeded);
    let source = source.source(context)?;
    let cleaned = context.block_on(async {
        match source.find().await? {
            JobSource::Scheduler(client) => {
                let mut status = Vec::new();
                if succeeded {
                    status.push(JobStatus::Success);
                }
                if failed {
                    status.extend([JobStatus::Fail, JobStatus::Cancelled]);
                }
                let ids = Vec::new();
                let request =
                    CleanupRequest { status, models: names, older_than, keep_last, ids, dry_run: true };
                if yes && !dry_run {
                    return Ok(client.cleanup(&CleanupRequest { dry_run: false, ..request }).await?);
                }
                let would = client.cleanup(&request).await?;
                if dry_run || would.removed.is_empty() {
                    return Ok(would);
                }
                confirm::deletion(&told(&would), false)?;
                // What was asked about, and nothing that has ended since.
                let request = CleanupRequest { ids: would.removed, ..CleanupRequest::default() };
                Ok(client.cleanup(&request).await?)
            }
            JobSource::Kubernetes(jobs) => {
                let retention = Retention { succeeded, failed, models: names, older_than, keep_last };
                if yes && !dry_run {
                    return Ok(of_cluster(jobs.cleanup(&retention).await?));
                }
                let order = jobs.plan_cleanup(&retention).await?;
                if !dry_run && !order.chosen.is_empty() {
                    let count = confirm::count(order.chosen.len(), "job");
                    confirm::deletion(&format!("{count} with their pods and logs"), false)?;
                    jobs.carry_out(&order).await?;
                }
                Ok(of_cluster(order.chosen))
            }
        }
    })?;
    let printer = context.printer();
    let verb = if dry_run { "would be removed" } else { "removed" };
    printer.note(format!(
        "{verb}: {}",
        if cleaned.bytes.is_some() { told(&cleaned) } else { confirm::count(cleaned.removed.len(), "job") }
    ));
    printer.view(
        output,
        &cleaned,
        |cleaned| {
            let mut table = Table::new(&["ID"], "Nothing to remove");
            cleaned.removed.iter().for_each(|id| table.row([id.to_string()]));
            table
        },
        |cleaned| cleaned.removed.iter().map(ToString::to_string).collect(),
    )?;
    Ok(Exit::Ok)
}

/// "3 jobs (2 success, 1 fail), 12 KiB of logs and results"
fn told(cleaned: &Cleaned) -> String {
    let Cleaned { removed, counts, bytes, results_kept } = cleaned;
    let mut text = confirm::count(removed.len(), "job");
    let ends = [("success", counts.success), ("fail", counts.fail), ("cancelled", counts.cancelled)];
    let ends: Vec<String> =
        ends.iter().filter(|(_, n)| *n > 0).map(|(word, n)| format!("{n} {word}")).collect();
    if !ends.is_empty() {
        text += &format!(" ({})", ends.join(", "));
    }
    if !removed.is_empty() {
        let bytes = HumanBytes(bytes.unwrap_or_default());
        text += &format!(" with their inputs, and {bytes} of logs and results");
        if *results_kept > 0 {
            text += &format!("; the results of {results_kept} are the web app's and stay");
        }
    }
    text
}

fn of_cluster(removed: Vec<JobId>) -> Cleaned {
    Cleaned { removed, counts: Ends::default(), bytes: None, results_kept: 0 }
}
