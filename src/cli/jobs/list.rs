use clap::Args;

use super::source::{JobSource, JobSourceArgs};
use super::view;
use crate::cli::Context;
use crate::cli::complete::model_names;
use crate::error::Exit;
use crate::job::kubernetes::ClusterJob;
use crate::model::{Job, JobStatus, ModelName};
use crate::services::client::SchedulerClient;
use crate::ui::Format;

/// Jobs that are asked for at once.
const PAGE: usize = 1000;

/// List jobs, the oldest first
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  csw jobs list
  csw jobs list --status RUNNING,PENDING -n Examples/Solow
  csw jobs list --status FAIL -o json
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

    /// At most so many
    #[arg(long, value_name = "N")]
    limit: Option<usize>,

    /// How to write them
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,
}

pub(super) fn run(context: &Context, args: ListArgs) -> anyhow::Result<Exit> {
    let ListArgs { source, status, names, limit, output } = args;
    let printer = context.printer();
    let source = source.source(context)?;
    context.block_on(async {
        match source.find().await? {
            JobSource::Scheduler(client) => {
                view::show(printer, output, &pages(&client, &status, &names, limit).await?)?;
            }
            JobSource::Kubernetes(cluster) => {
                let mut jobs = cluster.list().await?;
                jobs.retain(|ClusterJob { job, .. }| {
                    (status.is_empty() || status.contains(&job.status))
                        && (names.is_empty() || names.contains(&job.model))
                });
                jobs.truncate(limit.unwrap_or(usize::MAX));
                view::show(printer, output, &jobs)?;
            }
        }
        Ok(Exit::Ok)
    })
}

async fn pages(
    client: &SchedulerClient,
    status: &[JobStatus],
    names: &[ModelName],
    limit: Option<usize>,
) -> anyhow::Result<Vec<Job>> {
    let mut jobs = Vec::new();
    let mut after = None;
    loop {
        let left = limit.map_or(PAGE, |limit| limit.saturating_sub(jobs.len()).min(PAGE));
        if left == 0 {
            return Ok(jobs);
        }
        let page = client.page(status, names, after.as_ref(), left).await?;
        jobs.extend(page.jobs);
        after = page.next;
        if after.is_none() {
            return Ok(jobs);
        }
    }
}
