//! Inputs servers that sleep while nobody asks them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt as _;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{Instant, interval, timeout};

use crate::kube::{Cluster, KubeError, Resource, Selection, Watched};
use crate::model::{GroupVersionKind, Model};

/// Chooses the Deployments.
const LABELS: &str = "app.kubernetes.io/part-of=csw,app.kubernetes.io/component=inputs-server";
/// How long a server may take to wake: a node may have to come up, and an image to be pulled.
const WAKING: Duration = Duration::from_secs(600);

/// Which inputs servers there are, and when each was used. Without an idle time none is ever put to sleep.
#[derive(Clone)]
pub(super) struct Sleepers(Arc<Inner>);

struct Inner {
    cluster: Cluster,
    idle: Option<Duration>,
    servers: Mutex<HashMap<String, Server>>,
    changes: watch::Sender<u64>,
}

struct Server {
    wanted: u64,
    ready: u64,
    users: u32,
    used: Instant,
}

impl Default for Server {
    fn default() -> Self {
        Self { wanted: 0, ready: 0, users: 0, used: Instant::now() }
    }
}

/// Keeps a server awake.
pub(super) struct InUse {
    sleepers: Sleepers,
    name: String,
}

impl Drop for InUse {
    fn drop(&mut self) {
        if let Some(server) = self.sleepers.servers().get_mut(&self.name) {
            server.users = server.users.saturating_sub(1);
            server.used = Instant::now();
        }
    }
}

impl Sleepers {
    pub(super) fn new(cluster: Cluster, idle: Option<Duration>) -> Self {
        Self(Arc::new(Inner { cluster, idle, servers: Mutex::default(), changes: watch::Sender::new(0) }))
    }

    /// Has the model's inputs server up, as long as the answer is held.
    ///
    /// # Errors
    /// A sentence for the person who needs it.
    pub(super) async fn wake(&self, model: &Model) -> Result<InUse, String> {
        let name = format!("{}-api-task", model.name.safe());
        self.servers().entry(name.clone()).or_default().users += 1;
        let used = InUse { sleepers: self.clone(), name: name.clone() };
        if self.0.idle.is_none() {
            return Ok(used);
        }
        if model.placement.inputs_replicas == 0 {
            return Err(format!("{} has no inputs server: `inputs_replicas` is 0", model.name));
        }
        let mut changes = self.0.changes.subscribe();
        let awake = async {
            let mut called = false;
            loop {
                let (wanted, ready) = self.servers().get(&name).map_or((0, 0), |s| (s.wanted, s.ready));
                if ready > 0 {
                    return Ok(());
                }
                if wanted == 0 && !called {
                    tracing::info!("waking {name}");
                    called = true;
                    self.scale(&name, model.placement.inputs_replicas).await?;
                }
                if changes.changed().await.is_err() {
                    return Ok(());
                }
            }
        };
        let sentence = |why: String| format!("the inputs server of {} can't be woken: {why}", model.name);
        match timeout(WAKING, awake).await {
            Ok(Ok(())) => Ok(used),
            Ok(Err(error)) => Err(sentence(KubeError::to_string(&error))),
            Err(_) => Err(sentence(format!("it is not ready after {} s", WAKING.as_secs()))),
        }
    }

    /// Watches the servers and puts idle ones to sleep. Ends only when the cluster refuses.
    pub(super) async fn run(&self) -> KubeError {
        let Some(idle) = self.0.idle else { return std::future::pending().await };
        let mut told = self.0.cluster.watch(selection(self.0.cluster.namespace()));
        let mut tick = interval((idle / 4).clamp(Duration::from_millis(200), Duration::from_secs(30)));
        loop {
            tokio::select! {
                event = told.next() => match event {
                    Some(Ok(event)) => self.note(&event),
                    Some(Err(error)) => return error,
                    None => return KubeError::Answer {
                        what: "watch deployments".into(),
                        why: "the watch has ended".into(),
                    },
                },
                _ = tick.tick() => {
                    for name in self.idle(idle) {
                        tracing::info!("{name} sleeps");
                        if let Err(error) = self.scale(&name, 0).await {
                            tracing::warn!("cannot put {name} to sleep: {error}");
                        }
                    }
                }
            }
        }
    }

    fn note(&self, event: &Watched) {
        match event {
            Watched::Now(object) => {
                let number = |at: &str| object.pointer(at).and_then(Value::as_u64).unwrap_or_default();
                // What has been seen of an older specification counts pods that are being ended.
                let current = number("/status/observedGeneration") >= number("/metadata/generation");
                let name = object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
                let mut servers = self.servers();
                let server = servers.entry(name.to_owned()).or_default();
                let wanted = number("/spec/replicas");
                if server.wanted == 0 && wanted > 0 {
                    // Whoever woke it has a reason.
                    server.used = Instant::now();
                }
                server.wanted = wanted;
                server.ready = if current { number("/status/readyReplicas").min(wanted) } else { 0 };
            }
            Watched::Gone { name, .. } => {
                self.servers().remove(name);
            }
            Watched::Synced => {}
        }
        self.0.changes.send_modify(|n| *n = n.wrapping_add(1));
    }

    /// Those that nobody has used for so long.
    fn idle(&self, idle: Duration) -> Vec<String> {
        let servers = self.servers();
        let sleepy = |s: &Server| s.wanted > 0 && s.users == 0 && s.used.elapsed() >= idle;
        servers.iter().filter(|(_, server)| sleepy(server)).map(|(name, _)| name.clone()).collect()
    }

    async fn scale(&self, name: &str, replicas: u32) -> Result<(), KubeError> {
        let path = resource().path(Some(self.0.cluster.namespace()), Some(name)) + "/scale";
        let patch = json!({"spec": {"replicas": replicas}});
        self.0.cluster.merge_patch(&path, &patch, &format!("scale {name}")).await.map(drop)
    }

    fn servers(&self) -> MutexGuard<'_, HashMap<String, Server>> {
        self.0.servers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn resource() -> Resource {
    Resource {
        gvk: GroupVersionKind::new("apps/v1", "Deployment"),
        plural: "deployments".to_owned(),
        namespaced: true,
        verbs: Vec::new(),
    }
}

fn selection(namespace: &str) -> Selection {
    Selection {
        resource: resource(),
        namespace: Some(namespace.to_owned()),
        labels: Some(LABELS.to_owned()),
        fields: None,
    }
}
