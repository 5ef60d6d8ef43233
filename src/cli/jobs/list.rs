use clap::Args;

use super::choice::{JobChoice, Since, Sort};
use super::source::{JobSource, JobSourceArgs};
use super::{view, watch};
use crate::cli::Context;
use crate::cli::complete::model_names;
use crate::error::{Exit, Failure};
use crate::model::{JobStatus, ModelName};
use crate::ui::Format;

/// List jobs, the newest first
///
/// Jobs are told in the order in which they were submitted. With --watch they are told again whenever something has changed,
/// until Ctrl-C.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  csw jobs list
  csw jobs list --status RUNNING,PENDING -n Examples/Solow
  csw jobs list --limit 20 --sort took
  csw jobs list --since 2h --status FAIL -o json
  csw jobs list --on kubernetes --namespace csw")]
pub(super) struct ListArgs {
    #[command(flatten)]
    source: JobSourceArgs,

    /// Only jobs that stand so
    #[arg(long, value_enum, ignore_case = true, value_delimiter = ',', value_name = "STATUS")]
    status: Vec<JobStatus>,

    /// Only jobs of these models
    #[arg(short, long, value_delimiter = ',', value_name = "OWNER/TITLE", add = model_names())]
    names: Vec<ModelName>,

    /// Only jobs that were submitted since: so long ago, as in 90m, or a moment, as in 2026-01-31 or 2026-01-31T09:30Z
    #[arg(long, value_name = "TIME")]
    since: Option<Since>,

    /// At most so many: the newest, however they are sorted
    #[arg(long, value_name = "N")]
    limit: Option<usize>,

    /// In which order
    #[arg(long, value_enum, value_name = "ORDER", default_value_t)]
    sort: Sort,

    /// Go on: tell every job again that has changed
    #[arg(short, long)]
    watch: bool,

    /// How to write them
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,
}

pub(super) fn run(context: &Context, args: ListArgs) -> anyhow::Result<Exit> {
    let ListArgs { source, status, names, since, limit, sort, watch, output } = args;
    if watch && output == Format::Yaml {
        return Err(Failure::usage("--watch writes a table, names, or a line of JSON a job")
            .hint("Say -o json, or leave --watch out")
            .into());
    }
    let printer = context.printer();
    let choice = JobChoice { status, models: names, since: since.map(Since::moment), limit, sort };
    let source = source.source(context)?;
    context.block_on(async {
        match source.find().await? {
            JobSource::Scheduler(client) => {
                let jobs = choice.of_scheduler(&client).await?;
                if watch {
                    return watch::of_scheduler(&client, printer, output, &choice, jobs).await;
                }
                view::show(printer, output, &jobs)?;
            }
            JobSource::Kubernetes(cluster) => {
                let jobs = choice.of_cluster(&cluster).await?;
                if watch {
                    return watch::of_cluster(&cluster, printer, output, &choice, jobs).await;
                }
                view::show(printer, output, &jobs)?;
            }
        }
        Ok(Exit::Ok)
    })
}
