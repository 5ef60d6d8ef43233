use clap::Args;

use super::source::{JobSource, JobSourceArgs, connect};
use super::view;
use crate::cli::Context;
use crate::cli::complete::job_ids;
use crate::error::Exit;
use crate::model::JobId;
use crate::ui::Format;

/// Show how jobs stand
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  csw jobs status run-1
  csw jobs status run-1 run-2 -o json
  csw jobs status run-1 --on kubernetes")]
pub(super) struct StatusArgs {
    #[command(flatten)]
    source: JobSourceArgs,

    /// The jobs
    #[arg(required = true, value_name = "ID", add = job_ids())]
    ids: Vec<JobId>,

    /// How to write them
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,
}

pub(super) fn run(context: &Context, args: StatusArgs) -> anyhow::Result<Exit> {
    let StatusArgs { source, ids, output } = args;
    let printer = context.printer();
    match source.source(context)? {
        JobSource::Scheduler(client) => {
            let jobs = context.block_on(async {
                let mut jobs = Vec::with_capacity(ids.len());
                for id in &ids {
                    jobs.push(client.job(id).await?);
                }
                Ok(jobs)
            })?;
            view::show(printer, output, &jobs)?;
        }
        JobSource::Kubernetes(access) => {
            let jobs = context.block_on(async { Ok(connect(&access).await?.get(&ids).await?) })?;
            view::show(printer, output, &jobs)?;
        }
    }
    Ok(Exit::Ok)
}
