use std::io;
use std::path::{Path, PathBuf};

use super::{Scope, SecretName};
use crate::error::{Diagnose, Exit};

/// Why a secret operation failed. No variant carries a value.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The operating system refused access to a file.
    #[error("cannot access {path}: {source}", path = path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The operating system's answer.
        source: io::Error,
    },
    /// A name can't be a secret's.
    #[error("invalid secret name `{name}`: expected {expected}")]
    Name {
        /// The name as given.
        name: String,
        /// What was expected.
        expected: &'static str,
    },
    /// A value can't be kept.
    #[error("this value cannot be kept: expected {expected}")]
    Value {
        /// What was expected.
        expected: &'static str,
    },
    /// There is no such secret.
    #[error("{scope} has no secret `{name}`")]
    NotFound {
        /// Where it was looked for.
        scope: Scope,
        /// The name.
        name: SecretName,
        /// The nearest name that there is.
        nearest: Option<SecretName>,
    },
    /// The store is there, the key is not.
    #[error("no identity at {identity}, so {store} cannot be decrypted", identity = identity.display(), store = store.display())]
    NoIdentity {
        /// Where the identity was looked for.
        identity: PathBuf,
        /// The encrypted file.
        store: PathBuf,
    },
    /// The identity file is not one.
    #[error("{path} is not a usable age identity: {reason}", path = path.display())]
    Identity {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The store is encrypted for other keys.
    #[error("{identity} is not a key of {store}", identity = identity.display(), store = store.display())]
    WrongIdentity {
        /// The identity in use.
        identity: PathBuf,
        /// The encrypted file.
        store: PathBuf,
    },
    /// The store was changed or damaged.
    #[error("{store} is damaged or was tampered with: {reason}", store = store.display())]
    Damaged {
        /// The encrypted file.
        store: PathBuf,
        /// How that showed.
        reason: String,
    },
    /// The passphrase does not open the identity.
    #[error("wrong passphrase for {identity}", identity = identity.display())]
    Passphrase {
        /// The protected identity.
        identity: PathBuf,
    },
    /// A passphrase is needed and nobody can be asked.
    #[error("{identity} is protected by a passphrase, which can be typed only on a terminal", identity = identity.display())]
    NeedsTerminal {
        /// The protected identity.
        identity: PathBuf,
    },
    /// A line of the recipients file is not a public key.
    #[error("{path}:{line}: expected an age public key (age1…)", path = path.display())]
    Recipient {
        /// The recipients file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// What was encrypted does not decrypt to the same: nothing was written.
    #[error("cannot encrypt {store}: {reason}", store = store.display())]
    Encrypt {
        /// The file that was to be written.
        store: PathBuf,
        /// What failed.
        reason: String,
    },
    /// There is nothing to rotate.
    #[error("there are no secrets at {store} yet", store = store.display())]
    Nothing {
        /// The file that is not there.
        store: PathBuf,
    },
    /// Work that was handed to another thread did not come back.
    #[error("the secret store's worker failed: {reason}")]
    Worker {
        /// What is known.
        reason: String,
    },
}

impl SecretError {
    pub(super) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { path: path.to_owned(), source }
    }

    /// [`SecretError::NotFound`] with the nearest of the names that there are.
    pub(super) fn not_found<'a>(
        scope: &Scope,
        name: &SecretName,
        names: impl Iterator<Item = &'a SecretName>,
    ) -> Self {
        let score = |other: &str| strsim::jaro_winkler(&name.as_str().to_lowercase(), &other.to_lowercase());
        let nearest = names
            .map(|n| (score(n.as_str()), n))
            .filter(|(s, _)| *s > 0.75)
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(_, n)| n.clone());
        Self::NotFound { scope: scope.clone(), name: name.clone(), nearest }
    }
}

impl Diagnose for SecretError {
    fn exit(&self) -> Exit {
        match self {
            Self::Worker { .. } => Exit::Internal,
            _ => Exit::Config,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::NotFound { scope, nearest, .. } => {
                let list = format!("See all names with `{} list`", scope.command());
                nearest.iter().map(|n| format!("Did you mean `{n}`?")).chain([list]).collect()
            }
            Self::NoIdentity { .. } => {
                vec!["Put the identity there, or name it with CSW_IDENTITY or `identity` in csw.yaml".into()]
            }
            Self::WrongIdentity { .. } => vec![
                "Name the identity that the file is encrypted for with CSW_IDENTITY".into(),
                "Or let someone who can read it add your public key to the recipients file and run `csw secrets rotate-key`".into(),
            ],
            Self::Damaged { .. } => vec!["Restore the file from a backup; nothing was changed".into()],
            Self::NeedsTerminal { .. } => {
                vec!["Run the command on a terminal, or name an identity without passphrase with CSW_IDENTITY".into()]
            }
            Self::Nothing { .. } => vec!["Set one with `csw secrets set NAME`".into()],
            Self::Identity { .. } => vec!["An identity file holds a line that starts with AGE-SECRET-KEY-".into()],
            _ => Vec::new(),
        }
    }
}
