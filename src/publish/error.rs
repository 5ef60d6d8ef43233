use crate::error::{Diagnose, Exit};

/// Why the web app gave no answer that can be used.
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
}

impl Diagnose for PublishError {
    fn exit(&self) -> Exit {
        match self {
            Self::Unreachable { .. } | Self::Refused { .. } | Self::TooLarge { .. } => Exit::Remote,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Refused { status, .. } if matches!(status.as_u16(), 401 | 403) => {
                vec!["set CS_API_TOKEN to a token of the web app".into()]
            }
            Self::Unreachable { .. } | Self::Refused { .. } => {
                vec!["see where the address comes from with `csw cluster info`".into()]
            }
            Self::TooLarge { .. } => Vec::new(),
        }
    }
}
