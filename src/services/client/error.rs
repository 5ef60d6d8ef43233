use url::Url;

use crate::error::{Diagnose, Exit};

/// Why the scheduler did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody answers there.
    #[error("cannot reach the scheduler at {url}: {reason}")]
    Unreachable {
        /// Its base URL.
        url: Url,
        /// The innermost cause.
        reason: String,
    },
    /// It answered, and said no.
    #[error("{message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// Its own words.
        message: String,
        /// What it says could help.
        hints: Vec<String>,
    },
    /// What answers there is no scheduler.
    #[error("{url} answered something else than a scheduler does: {reason}")]
    Unexpected {
        /// What was asked.
        url: String,
        /// What was wrong with the answer.
        reason: String,
    },
}

impl ClientError {
    /// Whether the same request may work later.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Refused { status, .. } => *status >= 500 || matches!(status, 408 | 429),
            Self::Unexpected { .. } => false,
        }
    }
}

impl Diagnose for ClientError {
    fn exit(&self) -> Exit {
        match self {
            // What was asked for is wrong; the scheduler is fine.
            Self::Refused { status: 400 | 404 | 409 | 413 | 415, .. } => Exit::Config,
            Self::Unreachable { .. } | Self::Refused { .. } | Self::Unexpected { .. } => Exit::Remote,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Unreachable { .. } => vec![
                "Start one on this machine: `csw up`".to_owned(),
                "Or name another with --scheduler URL or CSW_SCHEDULER".to_owned(),
            ],
            Self::Refused { hints, .. } => hints.clone(),
            Self::Unexpected { .. } => vec!["Check --scheduler and CSW_SCHEDULER".to_owned()],
        }
    }
}
