use clap::Args;

use super::source::NamedJobsArgs;
use crate::cli::Context;
use crate::error::Exit;

/// Show how jobs stand
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  csw jobs status run-1
  csw jobs status run-1 run-2 -o json
  csw jobs status run-1 --on kubernetes")]
pub(super) struct StatusArgs {
    #[command(flatten)]
    jobs: NamedJobsArgs,
}

pub(super) fn run(context: &Context, args: StatusArgs) -> anyhow::Result<Exit> {
    let StatusArgs { jobs } = args;
    jobs.show(
        context,
        async |scheduler, id| scheduler.job(id).await,
        async |cluster, ids| cluster.get(ids).await,
    )
}
