use super::Refusal;
use crate::error::{Diagnose, Exit};

/// Why a conversation with a cluster failed.
#[derive(Debug, thiserror::Error)]
pub enum KubeError {
    /// There is nothing that says where the cluster is, or it is not usable.
    #[error("{0}")]
    Config(String),
    /// The context may not be touched.
    #[error("the context `{context}` is not among the allowed contexts ({})", allowed.join(", "))]
    ContextNotAllowed {
        /// The context in use.
        context: String,
        /// What the settings allow.
        allowed: Vec<String>,
    },
    /// No answer.
    #[error("cannot reach the cluster at {server}: {why}")]
    Unreachable {
        /// The API server's address.
        server: String,
        /// What happened.
        why: String,
    },
    /// Who we are could not be established.
    #[error("cannot log in to the cluster at {server}: {why}")]
    Login {
        /// The API server's address.
        server: String,
        /// What happened.
        why: String,
    },
    /// The server refused.
    #[error("cannot {what}: {refusal}")]
    Refused {
        /// What was asked for: "apply Deployment csw/scheduler".
        what: String,
        /// Its answer.
        refusal: Box<Refusal>,
    },
    /// The answer is not what the API says it should be.
    #[error("cannot {what}: the server's answer is not understood: {why}")]
    Answer {
        /// What was asked for.
        what: String,
        /// What is wrong with the answer.
        why: String,
    },
}

impl KubeError {
    /// The server's refusal, if it is one.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused { refusal, .. } => Some(refusal.as_ref()),
            _ => None,
        }
    }

    /// Whether what was asked for isn't there.
    pub fn is_not_found(&self) -> bool {
        self.refusal().is_some_and(Refusal::is_not_found)
    }
}

impl Diagnose for KubeError {
    fn exit(&self) -> Exit {
        match self {
            Self::Config(_) | Self::ContextNotAllowed { .. } => Exit::Config,
            Self::Unreachable { .. } | Self::Login { .. } | Self::Refused { .. } | Self::Answer { .. } => {
                Exit::Remote
            }
        }
    }

    fn hints(&self) -> Vec<String> {
        let hint = |s: &str| vec![s.to_owned()];
        match self {
            Self::Config(_) => hint(
                "Name a kubeconfig with --kubeconfig FILE or KUBECONFIG, and a context with --context NAME",
            ),
            Self::ContextNotAllowed { .. } => hint(
                "Choose another with --context NAME, or add this one to `allowed_contexts` in csw.yaml if it is meant",
            ),
            Self::Unreachable { .. } => hint(
                "Run `csw cluster doctor` to see what is wrong, or choose another cluster with --context NAME",
            ),
            Self::Login { .. } => hint("Log in again with the tool that made the kubeconfig"),
            Self::Refused { refusal, .. } => refusal.remedy.map(str::to_owned).into_iter().collect(),
            Self::Answer { .. } => Vec::new(),
        }
    }
}
