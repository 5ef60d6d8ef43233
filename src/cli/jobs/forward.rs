use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Context as _;
use tokio::task::JoinHandle;
use url::Url;

use crate::kube::Cluster;
use crate::kube::port_forward::{ForwardEvent, PortForward, PortForwardError, ServicePort};
use crate::services::{SCHEDULER_PORT, SCHEDULER_SERVICE};

/// The scheduler of a cluster at a local port, for as long as this lives.
#[derive(Debug)]
pub(super) struct Forwarded {
    url: Url,
    forwarding: JoinHandle<()>,
}

/// Why the scheduler is not there.
pub(super) enum Unforwarded {
    /// The namespace has no such Service, or we may not look.
    None,
    /// Anything else.
    Error(anyhow::Error),
}

impl Forwarded {
    /// To the scheduler of the cluster's namespace.
    pub(super) async fn open(cluster: &Cluster) -> anyhow::Result<Self> {
        Self::start(open(cluster).await?)
    }

    /// The same, telling where there is none.
    pub(super) async fn find(cluster: &Cluster) -> Result<Self, Unforwarded> {
        match open(cluster).await {
            Ok(forward) => Self::start(forward).map_err(Unforwarded::Error),
            Err(PortForwardError::NoService { .. }) => Err(Unforwarded::None),
            Err(PortForwardError::Kube(e)) if e.refusal().is_some_and(|r| r.code == 403) => {
                tracing::info!(error = %e, "looking at the Jobs themselves");
                Err(Unforwarded::None)
            }
            Err(e) => Err(Unforwarded::Error(e.into())),
        }
    }

    fn start(forward: PortForward) -> anyhow::Result<Self> {
        let url = format!("http://{}/", forward.address()).parse().context("no URL for the local port")?;
        Ok(Self { url, forwarding: tokio::spawn(forward.run()) })
    }

    pub(super) fn url(&self) -> &Url {
        &self.url
    }
}

impl Drop for Forwarded {
    fn drop(&mut self) {
        self.forwarding.abort();
    }
}

async fn open(cluster: &Cluster) -> Result<PortForward, PortForwardError> {
    let target = ServicePort {
        namespace: cluster.namespace().to_owned(),
        service: SCHEDULER_SERVICE.to_owned(),
        port: SCHEDULER_PORT,
    };
    // What becomes of a request is told by who has made it.
    let told = |event: ForwardEvent| tracing::info!(?event, "forwarding");
    PortForward::open(cluster, target, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), told).await
}
