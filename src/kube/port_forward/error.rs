use std::net::SocketAddr;

use super::ServicePort;
use crate::error::{Diagnose, Exit};
use crate::kube::KubeError;

/// Why nothing can be forwarded.
#[derive(Debug, thiserror::Error)]
pub enum PortForwardError {
    /// The Service isn't there.
    #[error("there is no Service {service} in the namespace {namespace}")]
    NoService {
        /// The Service.
        service: String,
        /// The namespace.
        namespace: String,
    },
    /// The Service has other ports, or stands for no pods.
    #[error("{target} can't be forwarded to: {why}")]
    Unusable {
        /// The Service and its port.
        target: ServicePort,
        /// What is wrong with it.
        why: String,
    },
    /// Nobody is there to answer.
    #[error("no pod behind {target} is ready: {why}")]
    NoPod {
        /// The Service and its port.
        target: ServicePort,
        /// How its pods stand.
        why: String,
    },
    /// The local address is not to be had.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// The API server refused, or can't be reached.
    #[error(transparent)]
    Kube(#[from] KubeError),
}

impl PortForwardError {
    /// Whether it may be different in a moment.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::NoPod { .. } | Self::Kube(KubeError::Unreachable { .. }) => true,
            Self::Kube(e) => e.is_not_found() || e.refusal().is_some_and(|r| r.code >= 500 || r.code == 429),
            Self::NoService { .. } | Self::Unusable { .. } | Self::Listen { .. } => false,
        }
    }
}

impl Diagnose for PortForwardError {
    fn exit(&self) -> Exit {
        match self {
            Self::Listen { .. } => Exit::Config,
            Self::NoService { .. } | Self::Unusable { .. } | Self::NoPod { .. } => Exit::Remote,
            Self::Kube(e) => e.exit(),
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::NoService { .. } => vec![
                "Apply the services first: `csw svc apply`".into(),
                "Or name the namespace they are in with --namespace, another cluster with --context".into(),
            ],
            Self::NoPod { .. } => vec!["See how the pods fare: `csw cluster status`".into()],
            Self::Unusable { .. } => vec!["Apply the services again: `csw svc apply`".into()],
            Self::Listen { .. } => vec!["Choose another port with --port; 0 takes any free one".into()],
            Self::Kube(e) => e.hints(),
        }
    }
}
