use clap::Args;

use super::connect::SchedulerArgs;
use super::finished::{self, OutArgs};
use super::undelivered;
use crate::cli::Context;
use crate::cli::complete::job_ids;
use crate::error::Exit;
use crate::model::JobId;
use crate::store::UndeliveredState;
use crate::ui::Format;

/// Write a job's outputs to files, or see to results that the web app does not have
///
/// A job that failed prints its traceback on stderr and exits with 5. Results that the web app refused for good (--dead) are
/// kept until they are sent again (--retry) and taken.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  csw jobs results run-1
  csw jobs results run-1 --out ./run-1 -o json
  csw jobs results --dead
  csw jobs results --retry
  csw jobs results --retry run-1 run-2")]
pub(super) struct ResultsArgs {
    #[command(flatten)]
    scheduler: SchedulerArgs,

    /// The job
    #[arg(value_name = "ID", add = job_ids(), required_unless_present_any = ["dead", "waiting", "retry"])]
    id: Option<JobId>,

    #[command(flatten)]
    out: OutArgs,

    /// List results that the web app refused for good
    #[arg(long, conflicts_with_all = ["id", "waiting", "retry"])]
    dead: bool,

    /// List results that the web app has yet to take
    #[arg(long, conflicts_with_all = ["id", "retry"])]
    waiting: bool,

    /// Send these, or all that the web app refused, to it again
    #[arg(long, value_name = "ID", num_args = 0.., conflicts_with = "id", add = job_ids())]
    retry: Option<Vec<JobId>>,

    /// How to write what there is
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,
}

pub(super) fn run(context: &Context, args: ResultsArgs) -> anyhow::Result<Exit> {
    let ResultsArgs { scheduler, id, out, dead, waiting, retry, output } = args;
    let at = scheduler.at(context)?;
    context.block_on(async {
        let client = at.connect().await?;
        match (id, retry) {
            (Some(id), _) => {
                let job = client.job(&id).await?;
                finished::show(context, &client, job, &out, output).await
            }
            (None, Some(ids)) => undelivered::retry(context, &client, ids, output).await,
            (None, None) => {
                let state = if dead && !waiting { UndeliveredState::Dead } else { UndeliveredState::Waiting };
                undelivered::list(context, &client, state, output).await
            }
        }
    })
}
