use std::collections::BTreeMap;
use std::io::Write;

use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

/// What a run needs besides its [`Launch`](super::Launch) and arguments.
pub struct Sinks {
    /// Where the model's stdout and stderr go, redacted.
    pub log: Box<dyn Write + Send>,
    /// Values of the model's secrets: environment variables of its process, and redacted from its log.
    pub secrets: BTreeMap<String, SecretString>,
    /// Cancelled to end the run early: SIGTERM, the grace period, SIGKILL.
    pub cancel: CancellationToken,
}

impl Sinks {
    /// Sinks that write to `log`, without secrets.
    pub fn to(log: impl Write + Send + 'static) -> Self {
        Self { log: Box::new(log), secrets: BTreeMap::new(), cancel: CancellationToken::new() }
    }
}

impl std::fmt::Debug for Sinks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sinks").field("secrets", &self.secrets.keys()).finish_non_exhaustive()
    }
}
