use std::ops::Deref;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use clap::Args;

use super::forward::Forwarded;
use crate::cli::Context;
use crate::cli::args::ClusterArgs;
use crate::kube::Access;
use crate::services::client::{ClientError, SchedulerClient};
use crate::settings::{Origin, Settings};

/// Where help shows what many commands share: after what is the command's own.
pub(super) const LAST: usize = 900;

/// Which scheduler.
#[derive(Debug, Args)]
pub(super) struct SchedulerArgs {
    /// Where the scheduler is [env: CSW_SCHEDULER] [default: the cluster's, through the Kubernetes API, if a context is set;
    /// else http://127.0.0.1:8888]
    #[arg(long, value_name = "URL", conflicts_with = "kube_context", display_order = LAST)]
    scheduler: Option<String>,

    #[command(flatten)]
    cluster: ClusterArgs,
}

/// A way to a scheduler.
#[derive(Debug)]
pub(super) struct SchedulerAt {
    pub(super) settings: Settings,
    /// The way to the cluster, whether or not it leads to the scheduler.
    pub(super) access: Access,
    /// Whether it does: a context is said at least as plainly as a URL.
    pub(super) in_cluster: bool,
}

/// A scheduler, and what keeps it in reach.
#[derive(Debug)]
pub(in crate::cli) struct Scheduler {
    client: SchedulerClient,
    _forwarded: Option<Forwarded>,
}

impl SchedulerArgs {
    pub(super) fn at(self, context: &Context) -> anyhow::Result<SchedulerAt> {
        let Self { scheduler, cluster } = self;
        let (settings, access) = cluster.access_with(context, |o| o.scheduler = scheduler)?;
        Ok(SchedulerAt::of(settings, access))
    }
}

impl SchedulerAt {
    pub(super) fn of(settings: Settings, access: Access) -> Self {
        let in_cluster = settings.context.value.is_some()
            && plainness(&settings.context.origin) > plainness(&settings.scheduler.origin);
        Self { settings, access, in_cluster }
    }

    pub(super) async fn connect(self) -> anyhow::Result<Scheduler> {
        let Self { settings, access, in_cluster } = self;
        if in_cluster {
            let cluster = access.connect().await?;
            let forwarded = Forwarded::open(&cluster).await?;
            return Scheduler::behind(forwarded, &cluster, &settings).await;
        }
        let client = super::token::client(&settings)?;
        Ok(Scheduler { client, _forwarded: None })
    }
}

impl Scheduler {
    /// The one that a port is forwarded to.
    pub(super) async fn behind(
        forwarded: Forwarded,
        cluster: &crate::kube::Cluster,
        settings: &Settings,
    ) -> anyhow::Result<Self> {
        let token = super::token::find(cluster, settings).await?;
        let client = SchedulerClient::new(forwarded.url().clone(), token)?;
        Ok(Self { client, _forwarded: Some(forwarded) })
    }
}

impl Deref for Scheduler {
    type Target = SchedulerClient;

    fn deref(&self) -> &SchedulerClient {
        &self.client
    }
}

/// A flag is said more plainly than a variable, and that than a line of a file.
fn plainness(origin: &Origin) -> u8 {
    match origin {
        Origin::Flag(_) => 3,
        Origin::Env(_) => 2,
        Origin::File { .. } => 1,
        Origin::Default => 0,
    }
}

/// Repeats a request that is safe to repeat for up to two minutes while the scheduler can't be reached or asks for
/// patience: it may be in the middle of a restart.
pub(super) async fn patiently<T, F>(request: impl FnMut() -> F) -> Result<T, ClientError>
where
    F: Future<Output = Result<T, ClientError>>,
{
    let policy = ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(50))
        .with_max_delay(Duration::from_secs(2))
        .with_total_delay(Some(Duration::from_secs(120)))
        .without_max_times()
        .with_jitter();
    request.retry(policy).when(ClientError::is_passing).await
}
