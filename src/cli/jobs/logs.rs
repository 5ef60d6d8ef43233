use clap::Args;
use futures::StreamExt;

use super::source::{JobSource, JobSourceArgs};
use crate::cli::Context;
use crate::cli::complete::job_ids;
use crate::error::Exit;
use crate::job::kubernetes::LogEvent;
use crate::model::JobId;

/// Print a job's log: what was done to make its model ready, and what the model wrote
///
/// The log of its last attempt. With --follow from there on to the job's end, also when it has yet to start.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  csw jobs logs run-1
  csw jobs logs -f run-1
  csw jobs logs -f run-1 --on kubernetes >run-1.log")]
pub(super) struct LogsArgs {
    #[command(flatten)]
    source: JobSourceArgs,

    /// The job
    #[arg(value_name = "ID", add = job_ids())]
    id: JobId,

    /// Go on until the job has ended
    #[arg(short, long)]
    follow: bool,
}

pub(super) fn run(context: &Context, args: LogsArgs) -> anyhow::Result<Exit> {
    let LogsArgs { source, id, follow } = args;
    let printer = context.printer();
    let source = source.source(context)?;
    context.block_on(async {
        match source.find().await? {
            JobSource::Scheduler(client) => {
                let mut log = std::pin::pin!(client.logs(&id, follow).await?);
                while let Some(chunk) = log.next().await {
                    printer.bytes(&chunk?)?;
                }
            }
            JobSource::Kubernetes(jobs) => {
                let mut log = if follow { jobs.follow(&id).await? } else { jobs.log(&id).await? };
                while let Some(event) = log.next().await {
                    match event? {
                        LogEvent::Bytes(bytes) => printer.bytes(&bytes)?,
                        LogEvent::Note(note) => printer.note(note),
                    }
                }
            }
        }
        Ok(Exit::Ok)
    })
}
