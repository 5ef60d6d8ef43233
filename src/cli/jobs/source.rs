use clap::{Args, ValueEnum};

use super::connect::SchedulerArgs;
use crate::cli::Context;
use crate::cli::args::ClusterArgs;
use crate::job::kubernetes::KubernetesJobs;
use crate::kube::Access;
use crate::services::client::SchedulerClient;

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
