use std::collections::BTreeMap;
use std::io::Write;

use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use crate::secret::{Redactor, SecretValue};

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

/// Hides the values of these secrets.
pub(super) fn redactor(secrets: &BTreeMap<String, SecretString>) -> Redactor {
    let values: Vec<SecretValue> = secrets.values().cloned().map(SecretValue::from).collect();
    Redactor::new(&values)
}

impl std::fmt::Debug for Sinks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sinks").field("secrets", &self.secrets.keys()).finish_non_exhaustive()
    }
}
