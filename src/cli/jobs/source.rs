use clap::{Args, ValueEnum};

use super::connect::SchedulerArgs;
use super::view;
use crate::cli::Context;
use crate::cli::args::ClusterArgs;
use crate::cli::complete::job_ids;
use crate::error::Exit;
use crate::job::RuntimeError;
use crate::job::kubernetes::{ClusterJob, KubernetesJobs};
use crate::kube::Access;
use crate::model::{Job, JobId};
use crate::services::client::{ClientError, SchedulerClient};
use crate::ui::Format;

/// Where jobs are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum On {
    /// What a scheduler knows
    Scheduler,
    /// The Jobs of a cluster's namespace
    Kubernetes,
}

/// Which jobs.
#[derive(Debug, Args)]
pub(super) struct JobSourceArgs {
    /// Where to look for jobs [default: kubernetes if a context is set, else scheduler]
    #[arg(long, value_enum, value_name = "WHERE", hide_possible_values = false)]
    on: Option<On>,

    #[command(flatten)]
    scheduler: SchedulerArgs,

    #[command(flatten)]
    cluster: ClusterArgs,
}

/// Jobs by their ids, wherever they are.
#[derive(Debug, Args)]
pub(super) struct NamedJobsArgs {
    #[command(flatten)]
    source: JobSourceArgs,

    /// The jobs
    #[arg(required = true, value_name = "ID", add = job_ids())]
    ids: Vec<JobId>,

    /// How to write the jobs as they stand then
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,
}

impl NamedJobsArgs {
    /// Asks for one job after the other behind a scheduler, or for all of them in a cluster, and shows the answers.
    pub(super) fn show(
        self,
        context: &Context,
        one: impl AsyncFn(&SchedulerClient, &JobId) -> Result<Job, ClientError>,
        all: impl AsyncFnOnce(&KubernetesJobs, &[JobId]) -> Result<Vec<ClusterJob>, RuntimeError>,
    ) -> anyhow::Result<Exit> {
        let Self { source, ids, output } = self;
        let printer = context.printer();
        match source.source(context)? {
            JobSource::Scheduler(client) => {
                let jobs = context.block_on(async {
                    let mut jobs = Vec::with_capacity(ids.len());
                    for id in &ids {
                        jobs.push(one(&client, id).await?);
                    }
                    Ok(jobs)
                })?;
                view::show(printer, output, &jobs)?;
            }
            JobSource::Kubernetes(access) => {
                let jobs = context.block_on(async { Ok(all(&connect(&access).await?, &ids).await?) })?;
                view::show(printer, output, &jobs)?;
            }
        }
        Ok(Exit::Ok)
    }
}

/// Where the jobs are that a command is about.
pub(super) enum JobSource {
    /// Behind a scheduler.
    Scheduler(SchedulerClient),
    /// In a cluster, to be connected with [`connect`].
    Kubernetes(Access),
}

impl JobSourceArgs {
    pub(super) fn source(self, context: &Context) -> anyhow::Result<JobSource> {
        let Self { on, scheduler, cluster } = self;
        let (settings, access) = cluster.access(context)?;
        let default = || match settings.context.value {
            Some(_) if !scheduler.is_given() => On::Kubernetes,
            _ => On::Scheduler,
        };
        Ok(match on.unwrap_or_else(default) {
            On::Scheduler => JobSource::Scheduler(scheduler.client(context)?),
            On::Kubernetes => JobSource::Kubernetes(access),
        })
    }
}

pub(super) async fn connect(access: &Access) -> anyhow::Result<KubernetesJobs> {
    Ok(KubernetesJobs::new(access.connect().await?))
}
