use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::middleware::from_fn_with_state;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::Deployed;
use super::catalogue::{ClusterCatalogue, watch_deployed};
use super::forward::Front;
use super::host::{ClusterHost, credentials, manifest};
use super::inputs::InputsServers;
use super::retention::forget_ended;
use super::sleep::Sleepers;
use crate::job::JobRuntime;
use crate::job::kubernetes::{KubernetesJobs, KubernetesRuntime};
use crate::kube::{Cluster, Election, Leadership, Terms};
use crate::services::ServiceError;
use crate::services::api::{Serving, serve};
use crate::services::catalogue::Catalogue;
use crate::services::dispatch::{Dispatcher, Limits, ModelHost};
use crate::services::results::{RemoteResults, Results};
use crate::services::scheduler::{self, Access, SchedulerState};
use crate::store::{ClusterKey, RedisConfig, RedisStore, WatchedStore};

/// The Lease by which schedulers elect who leads.
const LEASE: &str = "csw-scheduler";
/// How long answers that are under way get when the scheduler stops.
const LAST_ANSWERS: Duration = Duration::from_secs(10);

/// What a scheduler in a cluster is started with.
pub struct SchedulerConfig {
    /// The cluster; its namespace is where everything is.
    pub cluster: Cluster,
    /// Where to listen.
    pub listen: SocketAddr,
    /// What nobody else is called: the pod's name.
    pub identity: String,
    /// Host and port where the other schedulers reach this one.
    pub address: String,
    /// Who may ask.
    pub access: Access,
    /// Where jobs are kept.
    pub redis: RedisConfig,
    /// What is shared with the outputs processor.
    pub key: ClusterKey,
    /// Base URL of the outputs processor; ends in `/`.
    pub outputs_processor: Url,
    /// URL of a model's inputs server, with `{}` where the model's short name belongs.
    pub inputs_servers: String,
    /// After which time without a request an inputs server is put to sleep.
    pub inputs_idle_timeout: Option<Duration>,
    /// How much at once.
    pub limits: Limits,
    /// How long jobs that have ended are remembered.
    pub keep: Duration,
    /// Times of the election.
    pub terms: Terms,
}

/// A running scheduler: it answers at once, by handing on to the one that leads, and does the work while it leads
/// itself. Jobs go on without it.
pub struct ClusterScheduler {
    bound: SocketAddr,
    election: Arc<Election>,
    electing: JoinHandle<()>,
    leading: JoinHandle<Result<(), ServiceError>>,
    stop_leading: CancellationToken,
    serving: JoinHandle<()>,
    stop_serving: CancellationToken,
}

impl ClusterScheduler {
    /// Listens, and takes part in the election.
    ///
    /// # Errors
    /// When the address can't be listened on.
    pub async fn start(config: SchedulerConfig) -> Result<Self, ServiceError> {
        let listen = config.listen;
        let bound = TcpListener::bind(listen).await.and_then(|l| l.local_addr().map(|a| (l, a)));
        let (listener, bound) = bound.map_err(|source| ServiceError::Listen { address: listen, source })?;
        let election = Arc::new(Election::new(
            config.cluster.clone(),
            LEASE,
            &config.identity,
            &config.address,
            config.terms,
        ));
        let front =
            Front::new(election.standing()).map_err(|e| ServiceError::Ended { reason: e.to_string() })?;
        let (stop_serving, stop_leading) = (CancellationToken::new(), CancellationToken::new());
        let serving = tokio::spawn({
            let (app, stop) = (front.clone().router(), stop_serving.clone());
            let how = Serving { last_answers: LAST_ANSWERS, ..Serving::default() };
            async move { serve(listener, app, how, stop.cancelled_owned()).await }
        });
        let leading = tokio::spawn(when_elected(config, front, election.standing(), stop_leading.clone()));
        let electing = tokio::spawn({
            let election = Arc::clone(&election);
            async move { election.run().await }
        });
        Ok(Self { bound, election, electing, leading, stop_leading, serving, stop_serving })
    }

    /// Where it listens.
    pub fn bound(&self) -> SocketAddr {
        self.bound
    }

    /// Sees who leads.
    pub fn standing(&self) -> watch::Receiver<Leadership> {
        self.election.standing()
    }

    /// Returns when it can't go on: another one leads where this one did, or the work failed.
    ///
    /// # Errors
    /// Why it can't.
    pub async fn failed(&mut self) -> Result<(), ServiceError> {
        match (&mut self.leading).await {
            Ok(outcome) => outcome,
            Err(e) => Err(ServiceError::Ended { reason: e.to_string() }),
        }
    }

    /// Writes no more, lets another one lead, and ends what is under way. Jobs run on.
    pub async fn stop(self) {
        self.stop_serving.cancel();
        self.stop_leading.cancel();
        if !self.leading.is_finished() {
            drop(self.leading.await);
        }
        self.electing.abort();
        // Not before: whoever leads next reads all that was written. Not later either: logs that are followed may take
        // their time to end, and nobody has to wait for them.
        if let Err(error) = self.election.release().await {
            tracing::warn!("cannot give up the lease, it will run out: {error}");
        }
        drop(self.serving.await);
    }
}

/// Waits for its turn and then does the leader's work, until told to stop or until it fails.
async fn when_elected(
    config: SchedulerConfig,
    front: Front,
    mut standing: watch::Receiver<Leadership>,
    stop: CancellationToken,
) -> Result<(), ServiceError> {
    let elected = standing.wait_for(|s| *s == Leadership::Ours);
    tokio::select! {
        elected = elected => if elected.is_err() { return Ok(()) },
        () = stop.cancelled() => return Ok(()),
    }
    tracing::info!("this scheduler leads");
    let store = tokio::select! {
        store = RedisStore::open(config.redis.clone(), config.key.clone()) => Arc::new(store?),
        () = stop.cancelled() => return Ok(()),
    };
    let deposed = async {
        // An election that is over has nobody left to tell.
        drop(standing.wait_for(|s| *s == Leadership::Lost).await);
    };
    let outcome = tokio::select! {
        outcome = lead(&config, &front, Arc::clone(&store)) => outcome,
        () = deposed => Err(ServiceError::Deposed),
        reason = store.closed() => Err(ServiceError::Ended { reason }),
        () = stop.cancelled() => Ok(()),
    };
    front.serve(None);
    store.close().await;
    outcome
}

/// The leader's work; it ends only by failing.
async fn lead(config: &SchedulerConfig, front: &Front, store: Arc<RedisStore>) -> Result<(), ServiceError> {
    let ended = |e: &dyn std::fmt::Display| ServiceError::Ended { reason: e.to_string() };
    let cluster = config.cluster.clone();
    let deployed = Deployed::default();
    let (changes, mut changed) = watch::channel(0);
    let mut work: JoinSet<ServiceError> = JoinSet::new();
    work.spawn({
        let (cluster, deployed) = (cluster.clone(), deployed.clone());
        async move { ServiceError::Runtime(watch_deployed(&cluster, &deployed, &changes).await.into()) }
    });
    tokio::select! {
        seen = changed.changed() => seen.map_err(|e| ended(&e))?,
        Some(failed) = work.join_next() => return Err(failed.unwrap_or_else(|e| ended(&e))),
    }
    let catalogue = ClusterCatalogue::open(deployed.clone(), Arc::clone(&store)).await?;
    let sleepers = Sleepers::new(cluster.clone(), config.inputs_idle_timeout);
    let inputs = InputsServers::new(&config.inputs_servers, sleepers.clone()).map_err(|e| ended(&e))?;
    work.spawn(async move { ServiceError::Runtime(sleepers.run().await.into()) });
    let host: Arc<dyn ModelHost> =
        Arc::new(ClusterHost { deployed: deployed.clone(), inputs: Arc::new(inputs) });
    let runtime = KubernetesRuntime::start(KubernetesJobs::new(cluster), manifest(deployed)).await?;
    let runtime: Arc<dyn JobRuntime> = Arc::new(runtime.with_credentials(credentials(config.key.clone())));
    let store = Arc::new(WatchedStore::new(store));
    let results: Arc<dyn Results> = Arc::new(
        RemoteResults::new(
            config.outputs_processor.clone(),
            config.key.service_token(),
            Arc::clone(&store) as _,
        )
        .map_err(|e| ended(&e))?,
    );
    let dispatcher = Dispatcher::new(
        Arc::clone(&store),
        Arc::clone(&runtime),
        Arc::clone(&host),
        Arc::clone(&results),
        catalogue.models.clone(),
        config.limits,
    );
    let _leading = dispatcher.settle_until_dropped();
    let state = SchedulerState {
        store: Arc::clone(&store),
        catalogue: Catalogue::synced_by(catalogue.models.clone(), Arc::clone(&catalogue) as _),
        dispatcher: dispatcher.clone(),
        host,
        runtime,
        results,
        access: config.access.clone(),
    };
    let app = scheduler::router(state).layer(from_fn_with_state(config.access.clone(), scheduler::guard));
    // What was accepted before waits until all that ran before is known; what comes now may come.
    front.serve(Some(app));
    dispatcher.reconcile().await?;
    let keep = config.keep;
    let remembering = async move { forget_ended(&*store, keep).await };
    let following = async {
        while changed.changed().await.is_ok() {
            catalogue.combine();
            dispatcher.forget_environments();
        }
    };
    tokio::select! {
        () = dispatcher.run() => Ok(()),
        () = remembering => Ok(()),
        () = following => Ok(()),
        Some(failed) = work.join_next() => Err(failed.unwrap_or_else(|e| ended(&e))),
    }
}
