use clap::Args;

use super::connect::SchedulerArgs;
use super::view;
use crate::cli::Context;
use crate::cli::complete::job_ids;
use crate::error::Exit;
use crate::model::JobId;
use crate::ui::Format;

/// Cancel jobs that have not ended
///
/// A running job is asked to end and gets the stack's grace period for it. A job that has ended stays as it is.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  csw jobs cancel run-1
  csw jobs list --status PENDING -o name | xargs csw jobs cancel")]
pub(super) struct CancelArgs {
    #[command(flatten)]
    scheduler: SchedulerArgs,

    /// The jobs
    #[arg(required = true, value_name = "ID", add = job_ids())]
    ids: Vec<JobId>,

    /// How to write the jobs as they stand then
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,
}

pub(super) fn run(context: &Context, args: CancelArgs) -> anyhow::Result<Exit> {
    let CancelArgs { scheduler, ids, output } = args;
    let client = scheduler.client(context)?;
    let jobs = context.block_on(async {
        let mut jobs = Vec::with_capacity(ids.len());
        for id in &ids {
            jobs.push(client.cancel(id).await?);
        }
        Ok(jobs)
    })?;
    context.printer().view(output, &jobs, |jobs| view::table(jobs), |jobs| view::names(jobs))?;
    Ok(Exit::Ok)
}
