use std::net::SocketAddr;

use crate::config::{ConfigError, ReportStyle};
use crate::error::{Diagnose, Exit};
use crate::job::RuntimeError;
use crate::outputs::OutputsError;
use crate::private::NotPrivate;
use crate::services::results::ResultsError;
use crate::store::StoreError;

/// Why a service could not start or go on.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The operating system refused access to a file.
    #[error("cannot access {path}: {source}")]
    Io {
        /// The file or folder.
        path: String,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// The address can't be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// Whoever reaches the address could run models.
    #[error("refusing to listen on {address} without a token: anybody who reaches it could run models")]
    Unprotected {
        /// The address, which is not this machine's own.
        address: SocketAddr,
    },
    /// The models are given, and nothing that is sent changes them.
    #[error("the models of this stack are fixed")]
    FixedCatalogue,
    /// Another scheduler leads where this one did.
    #[error("this scheduler does not lead any more: it could not renew its lease")]
    Deposed,
    /// What a service needs to go on has ended.
    #[error("the service can't go on: {reason}")]
    Ended {
        /// Why.
        reason: String,
    },
    /// The models' configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A folder that is not this user's alone.
    #[error(transparent)]
    NotPrivate(#[from] NotPrivate),
    /// The store of jobs.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The runtime of executors.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// The bucket of results.
    #[error(transparent)]
    Outputs(#[from] OutputsError),
    /// The results of jobs.
    #[error(transparent)]
    Results(#[from] ResultsError),
}

impl Diagnose for ServiceError {
    fn exit(&self) -> Exit {
        match self {
            Self::Io { .. } | Self::Listen { .. } | Self::Unprotected { .. } | Self::FixedCatalogue => {
                Exit::Config
            }
            Self::Deposed => Exit::Remote,
            Self::Ended { .. } => Exit::Internal,
            Self::Config(e) => e.exit(),
            Self::NotPrivate(e) => e.exit(),
            Self::Store(e) => e.exit(),
            Self::Runtime(e) => e.exit(),
            Self::Outputs(e) => e.exit(),
            Self::Results(_) => Exit::Remote,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Io { .. } | Self::FixedCatalogue | Self::Deposed | Self::Ended { .. } => Vec::new(),
            Self::Config(e) => e.hints(),
            Self::Listen { .. } => {
                vec!["Choose another address with --listen, or 127.0.0.1:0 for any free port".into()]
            }
            Self::Unprotected { .. } => vec![
                "Set CSW_SCHEDULER_TOKEN to a long random word, here and for the clients".into(),
                "Listen on 127.0.0.1 only".into(),
            ],
            Self::NotPrivate(e) => e.hints(),
            Self::Store(e) => e.hints(),
            Self::Runtime(e) => e.hints(),
            Self::Outputs(e) => e.hints(),
            Self::Results(_) => Vec::new(),
        }
    }

    fn report(&self, style: ReportStyle) -> Option<String> {
        match self {
            Self::Config(e) => e.report(style),
            _ => None,
        }
    }
}
