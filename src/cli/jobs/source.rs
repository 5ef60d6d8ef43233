use clap::{Args, ValueEnum};

use super::connect::{LAST, Scheduler, SchedulerArgs, SchedulerAt};
use super::forward::{Forwarded, Unforwarded};
use super::view;
use crate::cli::Context;
use crate::cli::complete::job_ids;
use crate::error::Exit;
use crate::job::RuntimeError;
use crate::job::kubernetes::{ClusterJob, KubernetesJobs};
use crate::kube::Access;
use crate::model::{Job, JobId};
use crate::services::client::{ClientError, SchedulerClient};
use crate::settings::Settings;
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
    /// Where to look for jobs [default: kubernetes if a context is set and its namespace has no scheduler, else scheduler]
    #[arg(long, value_enum, value_name = "WHERE", hide_possible_values = false, display_order = LAST)]
    on: Option<On>,

    #[command(flatten)]
    scheduler: SchedulerArgs,
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
    /// How many were named.
    pub(super) fn count(&self) -> usize {
        self.ids.len()
    }

    /// Asks for one job after the other behind a scheduler, or for all of them in a cluster, and shows the answers.
    pub(super) fn show(
        self,
        context: &Context,
        one: impl AsyncFn(&SchedulerClient, &JobId) -> Result<Job, ClientError>,
        all: impl AsyncFnOnce(&KubernetesJobs, &[JobId]) -> Result<Vec<ClusterJob>, RuntimeError>,
    ) -> anyhow::Result<Exit> {
        let Self { source, ids, output } = self;
        let printer = context.printer();
        let source = source.source(context)?;
        context.block_on(async {
            match source.find().await? {
                JobSource::Scheduler(client) => {
                    let mut jobs = Vec::with_capacity(ids.len());
                    for id in &ids {
                        jobs.push(one(&client, id).await?);
                    }
                    view::show_whole(printer, output, &jobs)?;
                }
                JobSource::Kubernetes(jobs) => view::show_whole(printer, output, &all(&jobs, &ids).await?)?,
            }
            Ok(Exit::Ok)
        })
    }
}

/// Where the jobs are that a command is about.
pub(in crate::cli) enum JobSource {
    /// Behind a scheduler.
    Scheduler(Scheduler),
    /// In a cluster.
    Kubernetes(KubernetesJobs),
}

/// Finds out where they are.
pub(in crate::cli) struct JobFinder {
    on: Option<On>,
    at: SchedulerAt,
}

impl JobSourceArgs {
    pub(super) fn source(self, context: &Context) -> anyhow::Result<JobFinder> {
        let Self { on, scheduler } = self;
        Ok(JobFinder { on, at: scheduler.at(context)? })
    }
}

impl JobFinder {
    /// For whoever has the settings already and no command line that is whole; `on` is the value of `--on`.
    pub(in crate::cli) fn of(on: Option<&str>, settings: Settings, access: Access) -> Self {
        let on = on.and_then(|on| On::from_str(on, true).ok());
        Self { on, at: SchedulerAt::of(settings, access) }
    }

    pub(in crate::cli) async fn find(self) -> anyhow::Result<JobSource> {
        let Self { on, at } = self;
        match on {
            Some(On::Kubernetes) => {
                Ok(JobSource::Kubernetes(KubernetesJobs::new(at.access.connect().await?)))
            }
            // What the scheduler doesn't know it may not be able to see to its end: it is asked wherever there is one.
            None if at.in_cluster => {
                let cluster = at.access.connect().await?;
                match Forwarded::find(&cluster).await {
                    Ok(forwarded) => {
                        Ok(JobSource::Scheduler(Scheduler::behind(forwarded, &cluster, &at.settings).await?))
                    }
                    Err(Unforwarded::None) => Ok(JobSource::Kubernetes(KubernetesJobs::new(cluster))),
                    Err(Unforwarded::Error(e)) => Err(e),
                }
            }
            Some(On::Scheduler) | None => Ok(JobSource::Scheduler(at.connect().await?)),
        }
    }
}
