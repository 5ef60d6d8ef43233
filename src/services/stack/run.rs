use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::middleware::from_fn_with_state;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::{LocalHost, StackAddress};
use crate::job::JobRuntime;
use crate::job::process::ProcessRuntime;
use crate::outputs::Bucket;
use crate::services::ServiceError;
use crate::services::api::{Serving, serve};
use crate::services::catalogue::Catalogue;
use crate::services::dispatch::{Dispatcher, Limits, ModelHost};
use crate::services::outputs_processor::{self, OutputsProcessor, PushTarget};
use crate::services::results::LocalResults;
use crate::services::scheduler::{self, Access, SchedulerState};
use crate::services::tokens::Tokens;
use crate::store::{EmbeddedStore, WatchedStore};

/// How long answers that are under way (logs that are followed, waits) get when the stack stops.
const LAST_ANSWERS: Duration = Duration::from_secs(2);

/// What the embedded stack is started with.
pub struct StackConfig {
    /// Its state: store, job folders, logs. One stack at a time.
    pub data_dir: PathBuf,
    /// Where to listen; port 0 takes any free one.
    pub listen: SocketAddr,
    /// What callers have to show; needed when `listen` is not a loopback address.
    pub tokens: Tokens,
    /// The program that `… job --job-id …` is an executor of: csw itself.
    pub program: PathBuf,
    /// The models that can be run.
    pub catalogue: Catalogue,
    /// Runs the models, given where executors find the outputs processor.
    pub host: LocalHost,
    /// The web app that results are handed to, if there is one.
    pub push: Option<PushTarget>,
    /// Where outputs are stored.
    pub bucket: Bucket,
    /// How much at once.
    pub limits: Limits,
}

/// A running stack. [`Stack::stop`] ends it in order; dropped, it ends as by a crash, which loses nothing.
pub struct Stack {
    address: StackAddress,
    address_file: PathBuf,
    access: Access,
    dispatcher: Dispatcher,
    dispatching: JoinHandle<()>,
    serving: JoinHandle<()>,
    shutdown: oneshot::Sender<()>,
    pushing: JoinHandle<()>,
    stop_pushing: CancellationToken,
}

impl Stack {
    /// Opens the store, takes over what an earlier run has left, and listens.
    ///
    /// # Errors
    /// When the address is not protected or taken, or the data folder can't be used or is in use.
    pub async fn start(config: StackConfig) -> Result<Self, ServiceError> {
        let StackConfig { data_dir, listen, tokens, program, catalogue, host, bucket, push, limits } = config;
        if !listen.ip().is_loopback() && tokens.is_empty() {
            return Err(ServiceError::Unprotected { address: listen });
        }
        // A simulation may take hours: that its outputs can be stored is found out before.
        bucket.check().await?;
        let ledger = Arc::new(EmbeddedStore::open(&data_dir)?);
        let store = Arc::new(WatchedStore::new(Arc::clone(&ledger) as _));
        let bound = TcpListener::bind(listen).await.and_then(|l| l.local_addr().map(|a| (l, a)));
        let (listener, bound) = bound.map_err(|source| ServiceError::Listen { address: listen, source })?;
        let address = StackAddress::here(bound)?;
        let runtime: Arc<dyn JobRuntime> = Arc::new(ProcessRuntime::new(program, &data_dir)?);
        let host: Arc<dyn ModelHost> = Arc::new(host.posting_to(address.url.clone()));
        let results =
            OutputsProcessor::new(Arc::clone(&store) as _, ledger, bucket.clone(), push, Default::default());
        let found = Arc::new(LocalResults::new(Arc::clone(&results), Arc::clone(&store) as _, bucket));
        let dispatcher = Dispatcher::new(
            Arc::clone(&store),
            Arc::clone(&runtime),
            Arc::clone(&host),
            Arc::clone(&found) as _,
            catalogue.models().clone(),
            limits,
        );
        let access = Access::new(tokens, bound);
        let state = SchedulerState {
            store,
            catalogue,
            dispatcher: dispatcher.clone(),
            host,
            runtime,
            results: found,
            access: access.clone(),
        };
        let app = scheduler::router(state)
            .merge(outputs_processor::router(Arc::clone(&results)))
            .layer(from_fn_with_state(access.clone(), scheduler::guard));
        let (shutdown, stopped) = oneshot::channel();
        let how = Serving { last_answers: LAST_ANSWERS, ..Serving::default() };
        let serving = tokio::spawn(serve(listener, app, how, async move { drop(stopped.await) }));
        // What executors of an earlier run deliver meanwhile is taken; what is submitted waits.
        dispatcher.reconcile().await?;
        let dispatching = tokio::spawn({
            let dispatcher = dispatcher.clone();
            async move { dispatcher.run().await }
        });
        let stop_pushing = CancellationToken::new();
        let pushing = tokio::spawn({
            let stop = stop_pushing.clone();
            async move {
                let pushing = outputs_processor::pusher(&results, &stop);
                tokio::join!(pushing, outputs_processor::mind_bucket(&results, &stop));
            }
        });
        let address_file = address.write(&data_dir)?;
        Ok(Self {
            address,
            address_file,
            access,
            dispatcher,
            dispatching,
            serving,
            shutdown,
            pushing,
            stop_pushing,
        })
    }

    /// Its base URL.
    pub fn url(&self) -> &Url {
        &self.address.url
    }

    /// A link that opens its page in a browser, once, and soon.
    pub fn page_link(&self) -> Url {
        let mut link = self.address.url.clone();
        link.set_query(Some(&self.access.link()));
        link
    }

    /// Its configuration has changed: what is ready for a model may not be any more.
    pub fn configuration_changed(&self) {
        self.dispatcher.forget_environments();
    }

    /// How many executors run.
    pub fn running(&self) -> usize {
        self.dispatcher.running()
    }

    /// Accepts and starts nothing more, asks running jobs to end, and returns how many of them went back to the queue
    /// once all have ended. They run again when the stack is started again.
    pub async fn stop(self) -> usize {
        let requeued = self.dispatcher.stop().await;
        drop(self.dispatching.await);
        self.stop_pushing.cancel();
        drop(self.pushing.await);
        // Nobody listens if it has ended already.
        self.shutdown.send(()).unwrap_or_default();
        drop(self.serving.await);
        // Only a courtesy to those who look for a running stack.
        drop(std::fs::remove_file(&self.address_file));
        requeued
    }
}
