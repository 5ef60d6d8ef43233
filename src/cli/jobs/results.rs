use std::path::PathBuf;

use clap::Args;

use super::connect::SchedulerArgs;
use super::finished;
use crate::cli::Context;
use crate::cli::complete::job_ids;
use crate::error::Exit;
use crate::model::JobId;
use crate::ui::Format;

/// Write a job's outputs to files
///
/// A job that failed prints its traceback on stderr and exits with 5.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  csw jobs results run-1
  csw jobs results run-1 --out ./run-1 -o json")]
pub(super) struct ResultsArgs {
    #[command(flatten)]
    scheduler: SchedulerArgs,

    /// The job
    #[arg(value_name = "ID", add = job_ids())]
    id: JobId,

    /// Folder for the files [default: outputs/OWNER/TITLE/ID]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// How to write what there is
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,
}

pub(super) fn run(context: &Context, args: ResultsArgs) -> anyhow::Result<Exit> {
    let ResultsArgs { scheduler, id, out, output } = args;
    let at = scheduler.at(context)?;
    context.block_on(async {
        let client = at.connect().await?;
        let job = client.job(&id).await?;
        finished::show(context, &client, job, out.as_deref(), output).await
    })
}
