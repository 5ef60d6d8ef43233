//! `csw scheduler`

use std::net::SocketAddr;

use clap::Args;
use url::Url;

use super::Context;
use super::args::ClusterArgs;
use super::outputs_processor::cluster_key;
use super::up::Signals;
use crate::error::{Exit, Failure};
use crate::kube::{Access as KubeAccess, Leadership, Terms};
use crate::model::Seconds;
use crate::services::cluster::{ClusterScheduler, SchedulerConfig};
use crate::services::dispatch::Limits;
use crate::services::scheduler::Access;
use crate::services::tokens::Tokens;
use crate::settings::Settings;
use crate::store::{ClusterKey, RedisConfig, RedisUser};

/// Attempts that end without a result before a job fails: the Job itself tries again once.
const MAX_LOST: u32 = 1;

/// Serve as the scheduler of a cluster
///
/// Takes simulations from the web app and makes Kubernetes Jobs of them, keeps those that wait in Redis, and sees each to
/// its end. Of several schedulers one leads, by the Lease csw-scheduler; the others hand requests on to it. Started by a
/// Deployment. Secrets come from the environment: CSW_CLUSTER_KEY, which the outputs processor has too, and
/// REDIS_SCHEDULER_PW; or from the files that the same names with _FILE behind them name. On a laptop `csw up` does the
/// same. At SIGTERM it gives up the Lease; jobs run on.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  csw scheduler --start
  csw scheduler --start --listen 0.0.0.0:8888 --max-jobs 500 --max-jobs-per-model 50
  REDIS_HOST=127.0.0.1 csw scheduler --start --namespace csw --outputs-processor http://127.0.0.1:8889")]
pub(super) struct SchedulerArgs {
    /// Start the service
    #[arg(long, required = true)]
    start: bool,

    /// Address to listen on; port 0 takes any free one [env: CSW_LISTEN] [default: 127.0.0.1:8888]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,

    /// Base URL of the outputs processor
    #[arg(
        long,
        env = "CSW_OUTPUTS_PROCESSOR",
        value_name = "URL",
        default_value = "http://outputs-processor/"
    )]
    outputs_processor: Url,

    /// URL of a model's inputs server, with {} where the model's short name belongs
    #[arg(long, env = "CSW_INPUTS_SERVERS", value_name = "URL", default_value = "http://{}-api-task/")]
    inputs_servers: String,

    /// After which time without a request an inputs server is scaled to zero; never if left out
    #[arg(long, env = "CSW_INPUTS_IDLE_TIMEOUT", value_name = "TIME")]
    inputs_idle_timeout: Option<Seconds>,

    /// Jobs that run at once; more wait [env: CSW_MAX_JOBS] [default: processors]
    #[arg(long, value_name = "N")]
    max_jobs: Option<usize>,

    /// Jobs of one model that run at once; 0 is no limit
    #[arg(long, env = "CSW_MAX_JOBS_PER_MODEL", value_name = "N", default_value_t = 0)]
    max_jobs_per_model: usize,

    /// How long jobs that have ended are remembered
    #[arg(long, env = "CSW_KEEP_JOBS", value_name = "TIME", default_value = "1h")]
    keep_jobs: Seconds,

    /// What no other scheduler is called
    #[arg(long, env = "POD_NAME", value_name = "NAME")]
    identity: Option<String>,

    /// IP address where the other schedulers reach this one
    #[arg(long, env = "POD_IP", value_name = "IP")]
    ip: Option<std::net::IpAddr>,

    #[command(flatten)]
    cluster: ClusterArgs,
}

/// What the settings say, all of it checked.
struct Checked {
    settings: Settings,
    kube: KubeAccess,
    redis: RedisConfig,
    key: ClusterKey,
}

pub(super) fn run(context: &Context, args: SchedulerArgs) -> anyhow::Result<Exit> {
    let Checked { settings, kube, redis, key } = check(context, &args)?;
    let SchedulerArgs { mut outputs_processor, identity, ip, .. } = args;
    if !outputs_processor.path().ends_with('/') {
        let path = format!("{}/", outputs_processor.path());
        outputs_processor.set_path(&path);
    }
    let listen = settings.listen.value;
    let tokens = Tokens::of(&settings)?;
    let address = SocketAddr::new(ip.unwrap_or_else(|| listen.ip()), listen.port()).to_string();
    let printer = context.printer();
    context.block_on_threads(async move {
        let mut signals = Signals::new()?;
        let config = SchedulerConfig {
            cluster: kube.connect().await?,
            listen,
            identity: identity.unwrap_or_else(|| address.clone()),
            address,
            access: Access::new(tokens, listen),
            redis,
            key,
            outputs_processor,
            inputs_servers: args.inputs_servers,
            inputs_idle_timeout: args.inputs_idle_timeout.map(|t| t.to_duration()),
            limits: Limits {
                max_jobs: settings.max_jobs.value,
                per_model: args.max_jobs_per_model,
                grace: settings.grace_period.value.to_duration(),
                max_lost: MAX_LOST,
                ..Limits::default()
            },
            keep: args.keep_jobs.to_duration(),
            terms: Terms::default(),
        };
        let mut scheduler = ClusterScheduler::start(config).await?;
        printer.note(format!("Listening on http://{}/", scheduler.bound()));
        let mut standing = scheduler.standing();
        loop {
            tokio::select! {
                () = signals.next() => break,
                changed = standing.changed() => if changed.is_ok() {
                    printer.note(match &*standing.borrow_and_update() {
                        Leadership::Ours => "This scheduler leads".to_owned(),
                        Leadership::Theirs { address } => format!("The scheduler at {address} leads"),
                        Leadership::Nobody => "No scheduler leads".to_owned(),
                        Leadership::Lost => "This scheduler does not lead any more".to_owned(),
                    });
                },
                // The next one starts from what is in Redis and in the cluster.
                failed = scheduler.failed() => {
                    scheduler.stop().await;
                    return failed.map(|()| Exit::Ok).map_err(Into::into);
                }
            }
        }
        printer.note("Stopping; jobs run on");
        scheduler.stop().await;
        Ok(Exit::Ok)
    })
}

/// Everything that is set, or all that is wrong with it.
fn check(context: &Context, args: &SchedulerArgs) -> anyhow::Result<Checked> {
    let (_, kube) = args.cluster.access(context)?;
    let settings = context.settings(|o| {
        o.listen.clone_from(&args.listen);
        o.max_jobs = args.max_jobs;
    })?;
    let mut wrong = Vec::new();
    let key = cluster_key().map_err(|e| wrong.push(e)).ok();
    let redis = RedisConfig::from_variables(RedisUser::Scheduler, |name| std::env::var(name).ok())
        .map_err(|e| wrong.push(e.to_string()))
        .ok();
    if !args.inputs_servers.contains("{}") {
        wrong.push(format!("CSW_INPUTS_SERVERS: `{}` has no {{}} for the model's name", args.inputs_servers));
    }
    match (key, redis, wrong.is_empty()) {
        (Some(key), Some(redis), true) => Ok(Checked { settings, kube, redis, key }),
        _ => {
            let failure = Failure::config(format!("the scheduler can't start:\n  {}", wrong.join("\n  ")));
            Err(failure.hint("In a cluster its Deployment sets all of this: `csw svc apply`").into())
        }
    }
}
