use std::path::PathBuf;

use crate::error::{Diagnose, Exit};

/// Why the web app gave no answer that can be used, or why it can't be told what a branch changes.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// No connection, or one that broke.
    #[error("cannot reach the web app at {url}: {source}")]
    Unreachable {
        /// What was asked.
        url: String,
        /// Why.
        source: reqwest::Error,
    },
    /// An answer that says no.
    #[error("the web app answered {status} to GET {url}")]
    Refused {
        /// What was asked.
        url: String,
        /// The HTTP status.
        status: reqwest::StatusCode,
    },
    /// More than anybody could have meant.
    #[error("the web app's answer to GET {url} is larger than {limit} MiB")]
    TooLarge {
        /// What was asked.
        url: String,
        /// The limit.
        limit: usize,
    },
    /// A base branch that isn't there, or a folder that is in no repository.
    #[error("cannot compare {} with {base}: {why}", folder.display())]
    Base {
        /// What was to be compared.
        folder: PathBuf,
        /// With what.
        base: String,
        /// Git's words.
        why: String,
    },
    /// Git does not answer.
    #[error("cannot tell what {} changes: {source}", folder.display())]
    Git {
        /// What was to be compared.
        folder: PathBuf,
        /// Why.
        source: crate::git::GitError,
    },
    /// A repository with a remote, of which no main branch is here.
    #[error("cannot tell what {} changes: there is no base branch ({looked_for})", folder.display())]
    NoBase {
        /// What was to be compared.
        folder: PathBuf,
        /// The names that were looked for.
        looked_for: String,
    },
    /// A clone that does not reach back to where the branch began.
    #[error("cannot tell what differs from {base}: the clone is shallow and does not reach back to it")]
    Shallow {
        /// The base branch.
        base: String,
    },
}

impl Diagnose for PublishError {
    fn exit(&self) -> Exit {
        match self {
            Self::Unreachable { .. } | Self::Refused { .. } | Self::TooLarge { .. } => Exit::Remote,
            Self::Base { .. } | Self::Git { .. } | Self::NoBase { .. } | Self::Shallow { .. } => Exit::Config,
        }
    }

    fn hints(&self) -> Vec<String> {
        let other = "name another with --base-branch, or models with -n, or take all of them with --all";
        match self {
            Self::Refused { status, .. } if matches!(status.as_u16(), 401 | 403) => {
                vec!["set CS_API_TOKEN to a token of the web app".into()]
            }
            Self::Unreachable { .. } | Self::Refused { .. } => {
                vec!["see where the address comes from with `csw cluster info`".into()]
            }
            Self::TooLarge { .. } => Vec::new(),
            Self::Base { .. } => vec![other.into()],
            Self::NoBase { .. } => {
                vec!["get it with `git fetch origin main:refs/remotes/origin/main`".into(), other.into()]
            }
            Self::Git { source, .. } => source.hint().into_iter().chain([other.into()]).collect(),
            Self::Shallow { .. } => vec!["get the rest of the history with `git fetch --unshallow`".into()],
        }
    }
}
