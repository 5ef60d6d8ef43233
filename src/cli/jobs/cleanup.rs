use clap::Args;

use super::source::{JobSource, JobSourceArgs};
use crate::cli::Context;
use crate::cli::complete::model_names;
use crate::error::Exit;
use crate::job::kubernetes::Retention;
use crate::model::{JobStatus, ModelName, Seconds};
use crate::services::scheduler::wire::{Cleaned, CleanupRequest};
use crate::ui::{Format, Table};

/// Forget jobs that have ended: their record, inputs and logs
///
/// Results that are in the bucket stay there; results that the web app has yet to take are left alone. In a cluster:
/// their Jobs and pods. Without --succeeded and --failed: however they ended.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  csw jobs cleanup --dry-run
  csw jobs cleanup --succeeded --older-than 12h
  csw jobs cleanup --keep-last 100
  csw jobs cleanup --on kubernetes --succeeded --older-than 1h")]
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

    /// Only say which
    #[arg(long)]
    dry_run: bool,

    /// How to write which
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,
}

pub(super) fn run(context: &Context, args: CleanupArgs) -> anyhow::Result<Exit> {
    let CleanupArgs { source, succeeded, failed, names, older_than, keep_last, dry_run, output } = args;
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
                let request = CleanupRequest { status, models: names, older_than, keep_last, dry_run };
                Ok(client.cleanup(&request).await?)
            }
            JobSource::Kubernetes(jobs) => {
                let retention = Retention { succeeded, failed, models: names, older_than, keep_last };
                Ok(Cleaned {
                    removed: match dry_run {
                        true => jobs.plan_cleanup(&retention).await?.chosen,
                        false => jobs.cleanup(&retention).await?,
                    },
                })
            }
        }
    })?;
    let printer = context.printer();
    let verb = if dry_run { "would be removed" } else { "removed" };
    printer.note(format!("{verb}: {}", cleaned.removed.len()));
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
