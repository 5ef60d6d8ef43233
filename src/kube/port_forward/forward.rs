use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::Portforwarder;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::pipe::{Piped, pipe};
use super::target::{PodPort, refusal, resolve};
use super::{PortForwardError, ServicePort};
use crate::kube::Cluster;
use crate::listen::{Gate, Place, Stage};

/// How long a connection waits for a ready pod: while the only one is replaced.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a connection may say nothing at first. From then on the pod has the say.
const FIRST_WORDS: Duration = Duration::from_secs(30);
/// How long the way to a pod may take.
const CONNECT: Duration = Duration::from_secs(20);
/// Between two looks for one.
const PAUSE: Duration = Duration::from_millis(500);

/// What somebody who watches is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ForwardEvent {
    /// Connections go to this pod from now on.
    To {
        /// The pod.
        pod: String,
        /// Its port.
        port: u16,
    },
    /// The pod doesn't take connections any more; another is looked for.
    Lost {
        /// The pod.
        pod: String,
        /// What happened.
        why: String,
    },
    /// A connection was ended before its time.
    Broken(String),
}

type Listener = Box<dyn Fn(ForwardEvent) + Send + Sync>;

/// A local port whose connections go to a pod behind a Service, and to another one when that goes.
pub struct PortForward {
    listener: TcpListener,
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    cluster: Cluster,
    pods: Api<Pod>,
    target: ServicePort,
    /// The pod in use; looked for again when it fails.
    current: Mutex<Option<PodPort>>,
    told: Listener,
}

impl PortForward {
    /// Looks for a ready pod and listens. `told` hears what becomes of it.
    ///
    /// # Errors
    /// When the Service is not there, no pod of it is ready, or the address can't be listened on.
    pub async fn open(
        cluster: &Cluster,
        target: ServicePort,
        listen: SocketAddr,
        told: impl Fn(ForwardEvent) + Send + Sync + 'static,
    ) -> Result<Self, PortForwardError> {
        let bound = TcpListener::bind(listen).await.and_then(|l| l.local_addr().map(|a| (l, a)));
        let (listener, address) =
            bound.map_err(|source| PortForwardError::Listen { address: listen, source })?;
        let shared = Shared {
            cluster: cluster.clone(),
            pods: Api::namespaced(cluster.client(), &target.namespace),
            target,
            current: Mutex::default(),
            told: Box::new(told),
        };
        shared.pod().await?;
        Ok(Self { listener, address, shared: Arc::new(shared) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Forwards connections; never returns. Dropped, it ends them all.
    pub async fn run(self) {
        let (gate, mut connections) = (Gate::new(), JoinSet::new());
        // Kept over all else that happens: a connection may have come and wait for its place.
        let mut next = Box::pin(gate.accept(&self.listener));
        loop {
            tokio::select! {
                (socket, place) = &mut next => {
                    next = Box::pin(gate.accept(&self.listener));
                    connections.spawn(Arc::clone(&self.shared).serve(socket, place));
                }
                Some(_) = connections.join_next() => {}
            }
        }
    }
}

impl Shared {
    async fn serve(self: Arc<Self>, mut socket: TcpStream, place: Place) {
        // No pod is bothered for who has nothing to say.
        match tokio::time::timeout(FIRST_WORDS, socket.readable()).await {
            Ok(Ok(())) => place.set(Stage::Receiving),
            Ok(Err(_)) | Err(_) => return,
        }
        let forwarded = tokio::select! {
            forwarded = self.forward(&mut socket) => forwarded,
            () = place.given_up() => Err("there are too many connections".to_owned()),
        };
        if let Err(why) = forwarded {
            // The other end must not take this for an orderly end of what it was being sent.
            if let Err(error) = socket.set_zero_linger() {
                tracing::debug!(%error, "the connection ends as if in order");
            }
            (self.told)(ForwardEvent::Broken(why));
        }
    }

    /// Sees a connection to its end, by as many pods as it takes until one has it.
    async fn forward(&self, socket: &mut TcpStream) -> Result<(), String> {
        let deadline = Instant::now() + PATIENCE;
        let mut sent = Vec::new();
        loop {
            let failed = match self.pod().await {
                Ok(pod) => match self.connect(&pod).await {
                    Ok(forwarder) => match pipe(socket, forwarder, pod.port, std::mem::take(&mut sent)).await
                    {
                        Piped::Ended => return Ok(()),
                        Piped::Broken(why) => {
                            self.lost(&pod, &why);
                            return Err(why);
                        }
                        Piped::Refused { sent: again, why } => {
                            sent = again;
                            self.lost(&pod, &why);
                            why
                        }
                    },
                    Err(error) => {
                        self.lost(&pod, &error.to_string());
                        passing(error)?
                    }
                },
                Err(error) => passing(error)?,
            };
            if Instant::now() >= deadline {
                return Err(failed);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn connect(&self, pod: &PodPort) -> Result<Portforwarder, PortForwardError> {
        let ports = [pod.port];
        match tokio::time::timeout(CONNECT, self.pods.portforward(&pod.pod, &ports)).await {
            Ok(Ok(forwarder)) => Ok(forwarder),
            Ok(Err(e)) => Err(refusal(&self.cluster, &pod.pod, &e).into()),
            // The node is gone, and its pods still count as ready.
            Err(_) => Err(PortForwardError::NoPod {
                target: self.target.clone(),
                why: format!("pod {} can't be reached within {} s", pod.pod, CONNECT.as_secs()),
            }),
        }
    }

    async fn pod(&self) -> Result<PodPort, PortForwardError> {
        if let Some(pod) = self.current.lock().unwrap_or_else(PoisonError::into_inner).clone() {
            return Ok(pod);
        }
        let found = resolve(&self.cluster, &self.target).await?;
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        // Connections that came together look together; one of them tells.
        if current.as_ref() != Some(&found) {
            *current = Some(found.clone());
            drop(current);
            (self.told)(ForwardEvent::To { pod: found.pod.clone(), port: found.port });
        }
        Ok(found)
    }

    fn lost(&self, pod: &PodPort, why: &str) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.as_ref() == Some(pod) {
            *current = None;
            drop(current);
            (self.told)(ForwardEvent::Lost { pod: pod.pod.clone(), why: why.trim().to_owned() });
        }
    }
}

/// The words for what may be different in a moment, as an error for what won't.
fn passing(error: PortForwardError) -> Result<String, String> {
    let words = error.to_string();
    if error.is_passing() { Ok(words) } else { Err(words) }
}
