use clap::Args;

use super::source::NamedJobsArgs;
use crate::cli::{Context, confirm};
use crate::error::Exit;
use crate::ui::Progress;

/// Cancel jobs that have not ended
///
/// A running job is asked to end and gets a grace period for it: the stack's, or that of its pod. A job that has ended
/// stays as it is. In a cluster nothing is left of a cancelled job, and this waits until that is so.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  csw jobs cancel run-1
  csw jobs list --status PENDING -o name | xargs -r csw jobs cancel")]
pub(super) struct CancelArgs {
    #[command(flatten)]
    jobs: NamedJobsArgs,

    /// Don't ask; on a terminal there is a question where it is more than one job
    #[arg(short, long)]
    yes: bool,
}

pub(super) fn run(context: &Context, args: CancelArgs) -> anyhow::Result<Exit> {
    let CancelArgs { jobs, yes } = args;
    let count = jobs.count();
    if count > 1 {
        confirm::where_possible(&format!("Cancel {count} jobs?"), "cancelled", yes)?;
    }
    jobs.show(
        context,
        async |scheduler, id| scheduler.cancel(id).await,
        async |cluster, ids| {
            let _progress = Progress::spinner(context.printer(), "waiting for the pods to end");
            cluster.cancel(ids).await
        },
    )
}
