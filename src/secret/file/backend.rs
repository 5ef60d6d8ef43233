//! The default backend: one age-encrypted file.
//!
//! Writers hold a lock file beside the store for as long as they read, change and write; readers share it. A write is
//! encrypt, decrypt again and compare, temporary file, fsync, rename, fsync of the folder: a program that is killed
//! leaves the old file or the new one. A key is durable before anything is encrypted for it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::isolation::close_to_others;
use crate::secret::identity::{Identity, is_protected, read_recipients};
use crate::secret::seal::{Contents, Unsealed, seal, unseal};
use crate::secret::{Change, Scope, SecretBackend, SecretError, SecretName, SecretValue};
use crate::settings::{Origin, Settings};
use crate::ui::{logs, prompt};

use super::durable::{Lock, create_new, followed, read_if_there, replace, sibling};

/// Secrets in one age-encrypted file.
#[derive(Debug, Clone)]
pub struct FileBackend {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    store: PathBuf,
    identity: PathBuf,
    recipients: PathBuf,
    recipients_required: bool,
    /// The protected identity that was opened last and the bytes of its file, so that a person is asked once, and a
    /// passphrase, which takes a second to try, is tried once.
    unlocked: Mutex<Option<(Zeroizing<Vec<u8>>, Identity)>>,
}

/// How a new identity is protected.
#[derive(Debug, Clone, Default)]
pub enum Protection {
    /// As the old one.
    #[default]
    Keep,
    /// By a passphrase.
    Passphrase(SecretString),
    /// By the file's permissions alone.
    Plain,
}

/// What a rotation did.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Rotation {
    /// The identity file, which holds the new key.
    pub identity: PathBuf,
    /// The new public key.
    pub public_key: String,
    /// Where the old identity file was kept.
    pub old_identity: PathBuf,
    /// Public keys that can decrypt now, the new one among them.
    pub recipients: usize,
}

impl FileBackend {
    /// The file, identity and recipients that the settings name. Nothing is read yet.
    pub fn new(settings: &Settings) -> Self {
        Self {
            inner: Arc::new(Inner {
                store: settings.secrets_file.value.clone(),
                identity: settings.identity.value.clone(),
                recipients: settings.recipients.value.clone(),
                recipients_required: settings.recipients.origin != Origin::Default,
                unlocked: Mutex::new(None),
            }),
        }
    }

    /// Whether there is an identity yet; the first `set` makes one.
    pub fn has_identity(&self) -> bool {
        self.inner.identity.exists()
    }

    /// Makes a new identity and encrypts everything for it and for the recipients file as it is now; the old key no
    /// longer decrypts the new file. The old identity file is kept under another name, because other files may
    /// need it. Killed at any point, the secrets stay readable with what the identity file holds; run it again then.
    ///
    /// # Errors
    /// When there is no store yet, it can't be decrypted, or a file can't be written.
    pub async fn rotate_key(&self, protection: Protection) -> Result<Rotation, SecretError> {
        let inner = Arc::clone(&self.inner);
        blocking(move || inner.rotate(protection)).await
    }
}

#[async_trait]
impl SecretBackend for FileBackend {
    async fn entries(&self, scope: &Scope) -> Result<BTreeMap<SecretName, SecretValue>, SecretError> {
        Ok(self.entries_of(std::slice::from_ref(scope)).await?.pop().unwrap_or_default())
    }

    async fn entries_of(
        &self,
        scopes: &[Scope],
    ) -> Result<Vec<BTreeMap<SecretName, SecretValue>>, SecretError> {
        let inner = Arc::clone(&self.inner);
        let mut contents = blocking(move || inner.read()).await?;
        let entry = |scope: &Scope| {
            let entry = contents.remove(&scope.key()).unwrap_or_default();
            logs::mask(entry.values());
            entry.into_iter().map(|(name, value)| Ok((name.parse()?, value))).collect()
        };
        scopes.iter().map(entry).collect()
    }

    async fn change(&self, changes: Vec<Change>) -> Result<(), SecretError> {
        let inner = Arc::clone(&self.inner);
        blocking(move || inner.change(&changes)).await
    }
}

/// File locks, disk and scrypt block: off the async threads with them.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SecretError> + Send + 'static,
) -> Result<T, SecretError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|e| Err(SecretError::Worker { reason: e.to_string() }))
}

impl Inner {
    fn read(&self) -> Result<Contents, SecretError> {
        let store = followed(&self.store);
        let (sealed, raw) = {
            // Both files as they were at one moment; a rotation changes both.
            let _lock = Lock::shared(&store);
            let Some(sealed) = read_if_there(&store)? else { return Ok(Contents::new()) };
            (sealed, self.read_identity()?)
        };
        let identity = self.unlock(raw.as_ref().ok_or_else(|| self.no_identity())?)?;
        self.open(&sealed, &identity)
    }

    fn change(&self, changes: &[Change]) -> Result<(), SecretError> {
        for change in changes {
            if let Change::Set(Scope::Model(_), name, _) = change
                && !name.is_variable()
            {
                let expected = "letters, digits and `_`, no digit first: it becomes an environment variable of the model";
                return Err(SecretError::Name { name: name.to_string(), expected });
            }
        }
        // A person may have to type a passphrase: not while others wait for the lock.
        if let Some(raw) = self.read_identity()? {
            self.unlock(&raw)?;
        }
        let store = followed(&self.store);
        let _lock = Lock::exclusive(&store)?;
        let sealed = read_if_there(&store)?;
        let identity = match (self.read_identity()?, &sealed) {
            (Some(raw), _) => self.unlock(&raw)?,
            (None, Some(_)) => return Err(self.no_identity()),
            (None, None) if changes.iter().any(|c| matches!(c, Change::Set(..))) => self.first_identity()?,
            (None, None) => Identity::generate(None), // only to find out that there is nothing to delete
        };
        let mut contents = sealed.map_or_else(|| Ok(Contents::new()), |s| self.open(&s, &identity))?;
        for change in changes {
            apply(&mut contents, change)?;
        }
        let mut recipients = identity.recipients();
        recipients.extend(read_recipients(&self.recipients, self.recipients_required)?);
        self.write(&store, &contents, &recipients, &identity)
    }

    fn rotate(&self, protection: Protection) -> Result<Rotation, SecretError> {
        if let Some(raw) = self.read_identity()? {
            self.unlock(&raw)?;
        }
        let store = followed(&self.store);
        let _lock = Lock::exclusive(&store)?;
        let path = followed(&self.identity);
        // Other stores may use the same identity: one rotation at a time, or one's new key would be lost.
        let _identity_lock = Lock::exclusive(&path)?;
        let sealed =
            read_if_there(&store)?.ok_or_else(|| SecretError::Nothing { store: self.store.clone() })?;
        let raw = self.read_identity()?.ok_or_else(|| self.no_identity())?;
        let old = self.unlock(&raw)?;
        let contents = self.open(&sealed, &old)?;
        let mut recipients = read_recipients(&self.recipients, self.recipients_required)?;

        let passphrase = match protection {
            Protection::Keep => old.passphrase.clone(),
            Protection::Passphrase(passphrase) => Some(passphrase),
            Protection::Plain => None,
        };
        let new = Identity::generate(passphrase.clone());
        let public_key = new.keys.first().map(|k| k.to_public().to_string()).unwrap_or_default();
        recipients.extend(new.recipients());
        let count = recipients.len();

        // 1. The old file under another name. 2. Old and new key together: what is on disk can be read, before and
        // after the next step. 3. Everything encrypted for the new key. 4. The new key alone.
        let old_identity = self.keep_old(&path, &raw, &old)?;
        let both = Identity { keys: [new.keys.clone(), old.keys].concat(), passphrase };
        self.write_identity(&path, &both)?;
        self.write(&store, &contents, &recipients, &new)?;
        self.write_identity(&path, &new)?;
        *self.unlocked.lock().unwrap_or_else(PoisonError::into_inner) = None;
        Ok(Rotation { identity: self.identity.clone(), public_key, old_identity, recipients: count })
    }

    /// Keeps the bytes of the old identity file beside it; never over something else.
    fn keep_old(&self, path: &Path, raw: &[u8], old: &Identity) -> Result<PathBuf, SecretError> {
        let key = old.keys.first().map(|k| k.to_public().to_string()).unwrap_or_default();
        let tail = key.get(key.len().saturating_sub(8)..).unwrap_or_default();
        for n in 1.. {
            let name = if n == 1 { format!(".old-{tail}") } else { format!(".old-{tail}-{n}") };
            let kept = sibling(path, "", &name);
            if create_new(&kept, raw)? || read_if_there(&kept)?.is_some_and(|there| *there == *raw) {
                return Ok(kept);
            }
        }
        Err(self.no_identity())
    }

    fn first_identity(&self) -> Result<Identity, SecretError> {
        let identity = Identity::generate(None);
        let bytes = identity.render().map_err(|reason| self.encrypt_error(reason))?;
        if create_new(&self.identity, &bytes)? {
            return Ok(identity);
        }
        // Another program made one meanwhile.
        let raw = self.read_identity()?.ok_or_else(|| self.no_identity())?;
        self.unlock(&raw)
    }

    fn write_identity(&self, path: &Path, identity: &Identity) -> Result<(), SecretError> {
        let bytes = identity.render().map_err(|reason| self.encrypt_error(reason))?;
        replace(path, &bytes)
    }

    fn write(
        &self,
        store: &Path,
        contents: &Contents,
        recipients: &[Box<dyn age::Recipient + Send>],
        check: &Identity,
    ) -> Result<(), SecretError> {
        let sealed = seal(contents, recipients, &check.keys).map_err(|reason| self.encrypt_error(reason))?;
        replace(store, &sealed)?;
        tracing::info!(store = %store.display(), recipients = recipients.len(), "secrets written");
        Ok(())
    }

    fn open(&self, sealed: &[u8], identity: &Identity) -> Result<Contents, SecretError> {
        unseal(sealed, &identity.keys).map_err(|e| match e {
            Unsealed::OtherKeys => {
                SecretError::WrongIdentity { identity: self.identity.clone(), store: self.store.clone() }
            }
            Unsealed::Damaged(reason) => SecretError::Damaged { store: self.store.clone(), reason },
        })
    }

    /// The keys in the bytes of the identity file, asking for its passphrase if it has one.
    /// The bytes of the identity file, which is nobody else's.
    fn read_identity(&self) -> Result<Option<Zeroizing<Vec<u8>>>, SecretError> {
        if let Some(said) = close_to_others(&self.identity) {
            tracing::warn!("{said}");
        }
        read_if_there(&self.identity)
    }

    fn unlock(&self, raw: &[u8]) -> Result<Identity, SecretError> {
        if !is_protected(raw) {
            return Identity::parse(&self.identity, raw, None);
        }
        let mut unlocked = self.unlocked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, identity)) = unlocked.as_ref() {
            if **known == *raw {
                return Ok(identity.clone());
            }
            // Another file by now, after a rotation; most likely with the same passphrase.
            if let Ok(identity) = Identity::parse(&self.identity, raw, identity.passphrase.clone()) {
                *unlocked = Some((Zeroizing::new(raw.to_owned()), identity.clone()));
                return Ok(identity);
            }
        }
        if !prompt::possible() {
            return Err(SecretError::NeedsTerminal { identity: self.identity.clone() });
        }
        let passphrase = prompt::hidden(&format!("Passphrase for {}", self.identity.display()))
            .map_err(SecretError::io(&self.identity))?;
        let identity = Identity::parse(&self.identity, raw, Some(passphrase))?;
        *unlocked = Some((Zeroizing::new(raw.to_owned()), identity.clone()));
        Ok(identity)
    }

    fn no_identity(&self) -> SecretError {
        SecretError::NoIdentity { identity: self.identity.clone(), store: self.store.clone() }
    }

    fn encrypt_error(&self, reason: String) -> SecretError {
        SecretError::Encrypt { store: self.store.clone(), reason }
    }
}

fn apply(contents: &mut Contents, change: &Change) -> Result<(), SecretError> {
    match change {
        Change::Set(scope, name, value) => {
            contents.entry(scope.key()).or_default().insert(name.to_string(), value.clone());
        }
        Change::Delete(scope, name) => {
            let key = scope.key();
            let entry = contents.entry(key.clone()).or_default();
            if entry.remove(name.as_str()).is_none() {
                let names: Vec<SecretName> = entry.keys().filter_map(|n| n.parse().ok()).collect();
                return Err(SecretError::not_found(scope, name, names.iter()));
            }
            if entry.is_empty() {
                contents.remove(&key);
            }
        }
    }
    Ok(())
}
