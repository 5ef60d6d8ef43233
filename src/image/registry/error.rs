use std::time::Duration;

use super::super::credentials::CredentialError;
use crate::error::{Diagnose, Exit};

/// Why a conversation with a registry failed.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// Who one is could not be found out.
    #[error(transparent)]
    Credentials(#[from] CredentialError),
    /// No answer, also after trying again.
    #[error("cannot {what}: the registry {registry} can't be reached: {why}")]
    Unreachable {
        /// The registry's host.
        registry: String,
        /// What was asked for.
        what: String,
        /// What happened, the last time.
        why: String,
    },
    /// No connection that can be trusted.
    #[error("cannot {what}: TLS with {registry} fails: {why}")]
    Tls {
        /// The registry's host.
        registry: String,
        /// What was asked for.
        what: String,
        /// What is wrong with its certificate or its protocol.
        why: String,
    },
    /// The credentials are missing or not taken.
    #[error("cannot {what}: {registry} {}: {why}", if *anonymous { "wants credentials and there are none" } else { "does not take the credentials" })]
    Login {
        /// The registry's host.
        registry: String,
        /// What was asked for.
        what: String,
        /// Whether there were none.
        anonymous: bool,
        /// Its words.
        why: String,
    },
    /// One is known, and may not do this.
    #[error("cannot {what}: {registry} does not permit it: {why}")]
    Denied {
        /// The registry's host.
        registry: String,
        /// What was asked for.
        what: String,
        /// Its words.
        why: String,
    },
    /// It asks to come back later than anybody waits.
    #[error("cannot {what}: {registry} takes no more requests for {} seconds", wait.as_secs())]
    TooManyRequests {
        /// The registry's host.
        registry: String,
        /// What was asked for.
        what: String,
        /// How long it wants to be left alone.
        wait: Duration,
    },
    /// Any other answer that says no.
    #[error("cannot {what}: {registry} answered {status}: {why}")]
    Refused {
        /// The registry's host.
        registry: String,
        /// What was asked for.
        what: String,
        /// The HTTP status.
        status: u16,
        /// Its words.
        why: String,
    },
    /// The answer is not what the protocol says it should be.
    #[error("cannot {what}: the answer of {registry} is not understood: {why}")]
    Answer {
        /// The registry's host.
        registry: String,
        /// What was asked for.
        what: String,
        /// What is wrong with it.
        why: String,
    },
    /// What should be there isn't.
    #[error("there is no {what} at {registry}")]
    Missing {
        /// The registry's host.
        registry: String,
        /// What was looked for.
        what: String,
    },
    /// What is there is something else.
    #[error("{what} has the digest {found} and not {expected}")]
    Digest {
        /// What was looked at.
        what: String,
        /// The digest that it should have.
        expected: String,
        /// The one it has; `none` where it isn't there.
        found: String,
    },
    /// The settings or certificates for it are not usable.
    #[error("cannot talk with {registry}: {why}")]
    Setup {
        /// The registry's host.
        registry: String,
        /// What is wrong.
        why: String,
    },
}

impl RegistryError {
    /// Whether the connection is to blame rather than an answer, so that another way may work.
    pub fn is_connection(&self) -> bool {
        matches!(self, Self::Unreachable { .. })
    }
}

impl Diagnose for RegistryError {
    fn exit(&self) -> Exit {
        match self {
            Self::Credentials(e) => e.exit(),
            Self::Setup { .. } => Exit::Config,
            _ => Exit::Remote,
        }
    }

    fn hints(&self) -> Vec<String> {
        let hint = |text: String| vec![text];
        match self {
            Self::Credentials(e) => e.hints(),
            Self::Tls { registry, .. } => hint(format!(
                "Put the certificate that signed the registry's into /etc/docker/certs.d/{registry}/ca.crt"
            )),
            Self::Unreachable { registry, .. } => hint(format!(
                "See that {registry} is the right registry (`csw cluster info` shows where it comes from) and that this machine reaches it"
            )),
            Self::Login { registry, .. } => hint(format!("Log in with `docker login {registry}`")),
            Self::Denied { registry, .. } => hint(format!(
                "Ask for the right to write there, log in as another user with `docker login {registry}`, or choose \
                 another place with --project or CSW_REGISTRY"
            )),
            Self::TooManyRequests { .. } => {
                hint("Try again later, or log in: most registries allow those more".into())
            }
            Self::Refused { status: 507, .. } => hint("The registry's disk is full: clean it up".into()),
            Self::Refused { status: 405, .. } => hint(
                "The registry doesn't allow it: docker-registry wants `storage.delete.enabled: true`".into(),
            ),
            Self::Refused { status: 500..=599, registry, .. } => {
                hint(format!("{registry} is in trouble: try again later, or look into its log"))
            }
            Self::Digest { .. } => {
                hint("Somebody else pushed to the same tag meanwhile: push again, or to another --tag".into())
            }
            Self::Missing { .. } => hint("See what is there with `csw images list --registry`".into()),
            Self::Refused { .. } | Self::Answer { .. } | Self::Setup { .. } => Vec::new(),
        }
    }
}
