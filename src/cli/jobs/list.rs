use clap::Args;

use super::connect::SchedulerArgs;
use super::view;
use crate::cli::Context;
use crate::cli::complete::model_names;
use crate::error::Exit;
use crate::model::{JobStatus, ModelName};
use crate::ui::Format;

/// Jobs that are asked for at once.
const PAGE: usize = 1000;

/// List jobs, the oldest first
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  csw jobs list
  csw jobs list --status RUNNING,PENDING -n Examples/Solow
  csw jobs list --status FAIL -o json")]
pub(super) struct ListArgs {
    #[command(flatten)]
    scheduler: SchedulerArgs,

    /// Only jobs that stand so
    #[arg(long, value_enum, ignore_case = true, value_delimiter = ',', value_name = "STATUS")]
    status: Vec<JobStatus>,

    /// Only jobs of these models
    #[arg(short, long, value_delimiter = ',', value_name = "OWNER/TITLE", add = model_names())]
    names: Vec<ModelName>,

    /// At most so many
    #[arg(long, value_name = "N")]
    limit: Option<usize>,

    /// How to write them
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,
}

pub(super) fn run(context: &Context, args: ListArgs) -> anyhow::Result<Exit> {
    let ListArgs { scheduler, status, names, limit, output } = args;
    let client = scheduler.client(context)?;
    let jobs = context.block_on(async {
        let mut jobs = Vec::new();
        let mut after = None;
        loop {
            let left = limit.map_or(PAGE, |limit| limit.saturating_sub(jobs.len()).min(PAGE));
            if left == 0 {
                return Ok(jobs);
            }
            let page = client.page(&status, &names, after.as_ref(), left).await?;
            jobs.extend(page.jobs);
            after = page.next;
            if after.is_none() {
                return Ok(jobs);
            }
        }
    })?;
    context.printer().view(output, &jobs, |jobs| view::table(jobs), |jobs| view::names(jobs))?;
    Ok(Exit::Ok)
}
