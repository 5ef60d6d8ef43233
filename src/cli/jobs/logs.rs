use clap::Args;
use futures::StreamExt;

use super::connect::SchedulerArgs;
use crate::cli::Context;
use crate::cli::complete::job_ids;
use crate::error::Exit;
use crate::model::JobId;

/// Print what a job's model wrote
///
/// The log of its last attempt. With --follow from there on to the job's end, also when it has yet to start.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  csw jobs logs run-1
  csw jobs logs -f run-1")]
pub(super) struct LogsArgs {
    #[command(flatten)]
    scheduler: SchedulerArgs,

    /// The job
    #[arg(value_name = "ID", add = job_ids())]
    id: JobId,

    /// Go on until the job has ended
    #[arg(short, long)]
    follow: bool,
}

pub(super) fn run(context: &Context, args: LogsArgs) -> anyhow::Result<Exit> {
    let LogsArgs { scheduler, id, follow } = args;
    let client = scheduler.client(context)?;
    let printer = context.printer();
    context.block_on(async {
        let mut log = std::pin::pin!(client.logs(&id, follow).await?);
        while let Some(chunk) = log.next().await {
            printer.bytes(&chunk?)?;
        }
        Ok(Exit::Ok)
    })
}
