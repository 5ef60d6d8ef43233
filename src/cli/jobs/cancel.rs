use clap::Args;

use super::source::{JobSource, JobSourceArgs, connect};
use super::view;
use crate::cli::Context;
use crate::cli::complete::job_ids;
use crate::error::Exit;
use crate::model::JobId;
use crate::ui::{Format, Progress};

/// Cancel jobs that have not ended
///
/// A running job is asked to end and gets a grace period for it: the stack's, or that of its pod. A job that has ended
/// stays as it is. In a cluster nothing is left of a cancelled job, and this waits until that is so.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  csw jobs cancel run-1
  csw jobs list --status PENDING -o name | xargs csw jobs cancel")]
pub(super) struct CancelArgs {
    #[command(flatten)]
    source: JobSourceArgs,

    /// The jobs
    #[arg(required = true, value_name = "ID", add = job_ids())]
    ids: Vec<JobId>,

    /// How to write the jobs as they stand then
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,
}

pub(super) fn run(context: &Context, args: CancelArgs) -> anyhow::Result<Exit> {
    let CancelArgs { source, ids, output } = args;
    let printer = context.printer();
    match source.source(context)? {
        JobSource::Scheduler(client) => {
            let jobs = context.block_on(async {
                let mut jobs = Vec::with_capacity(ids.len());
                for id in &ids {
                    jobs.push(client.cancel(id).await?);
                }
                Ok(jobs)
            })?;
            view::show(printer, output, &jobs)?;
        }
        JobSource::Kubernetes(access) => {
            let jobs = context.block_on(async {
                let progress = Progress::spinner(printer, "waiting for the pods to end");
                let jobs = connect(&access).await?.cancel(&ids).await?;
                drop(progress);
                Ok(jobs)
            })?;
            view::show(printer, output, &jobs)?;
        }
    }
    Ok(Exit::Ok)
}
