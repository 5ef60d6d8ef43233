//! Identity files and recipients files, as age knows them.

use std::io::ErrorKind;
use std::path::Path;

use age::{scrypt, tag, tagpq, x25519};
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use super::SecretError;
use super::seal::{decrypt, encrypt};

/// The scrypt work that a passphrase may cost at most, as a power of two: what age itself writes is 18.
const MAX_WORK: u8 = 22;

/// The private keys of an identity file, and the passphrase that protects it, if one does.
#[derive(Clone)]
pub(super) struct Identity {
    pub(super) keys: Vec<x25519::Identity>,
    pub(super) passphrase: Option<SecretString>,
}

/// Never the keys.
impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("keys", &self.keys.len()).finish_non_exhaustive()
    }
}

/// Whether the bytes of an identity file are encrypted.
pub(super) fn is_protected(raw: &[u8]) -> bool {
    raw.starts_with(b"age-encryption.org/") || raw.starts_with(b"-----BEGIN AGE ENCRYPTED FILE-----")
}

impl Identity {
    /// One new key.
    pub(super) fn generate(passphrase: Option<SecretString>) -> Self {
        Self { keys: vec![x25519::Identity::generate()], passphrase }
    }

    /// Reads an identity file; `passphrase` is what protects it, if it is protected.
    pub(super) fn parse(
        path: &Path,
        raw: &[u8],
        passphrase: Option<SecretString>,
    ) -> Result<Self, SecretError> {
        let invalid = |reason: String| SecretError::Identity { path: path.to_owned(), reason };
        let plain = match &passphrase {
            None => Zeroizing::new(raw.to_owned()),
            Some(passphrase) => {
                let mut identity = scrypt::Identity::new(passphrase.clone());
                identity.set_max_work_factor(MAX_WORK);
                decrypt(raw, std::iter::once(&identity as _)).map_err(|e| match e {
                    age::DecryptError::DecryptionFailed | age::DecryptError::KeyDecryptionFailed => {
                        SecretError::Passphrase { identity: path.to_owned() }
                    }
                    age::DecryptError::NoMatchingKeys => {
                        invalid("it is not encrypted with a passphrase".into())
                    }
                    e => invalid(e.to_string()),
                })?
            }
        };
        let text = std::str::from_utf8(&plain).map_err(|_| invalid("it is not text".into()))?;
        let mut keys = Vec::new();
        for (number, line) in (1..).zip(text.lines().map(str::trim)) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            // Not the line itself: it may be a key with a typo.
            keys.push(line.parse().map_err(|_| invalid(format!("line {number} is no key that csw knows")))?);
        }
        if keys.is_empty() {
            return Err(invalid("it holds no key".into()));
        }
        Ok(Self { keys, passphrase })
    }

    /// The identity file's bytes, encrypted if a passphrase protects it.
    pub(super) fn render(&self) -> Result<Zeroizing<Vec<u8>>, String> {
        let mut text = Zeroizing::new(String::new());
        let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ");
        for key in &self.keys {
            let secret = key.to_string();
            text.push_str(&format!("# created: {now}\n# public key: {}\n", key.to_public()));
            text.push_str(secret.expose_secret());
            text.push('\n');
        }
        match &self.passphrase {
            None => Ok(Zeroizing::new(text.as_bytes().to_owned())),
            Some(passphrase) => {
                let recipient = scrypt::Recipient::new(passphrase.clone());
                encrypt(text.as_bytes(), std::iter::once(&recipient as _)).map(Zeroizing::new)
            }
        }
    }

    /// The public keys of all private ones.
    pub(super) fn recipients(&self) -> Vec<Box<dyn age::Recipient + Send>> {
        self.keys.iter().map(|key| Box::new(key.to_public()) as Box<dyn age::Recipient + Send>).collect()
    }
}

/// Reads a recipients file: a public key a line, blank lines and `#` comments between. A missing file is an error
/// only if it is `required`.
pub(super) fn read_recipients(
    path: &Path,
    required: bool,
) -> Result<Vec<Box<dyn age::Recipient + Send>>, SecretError> {
    let text = match crate::text::read(path) {
        Ok(text) => text,
        Err(e) if e.kind() == ErrorKind::NotFound && !required => return Ok(Vec::new()),
        Err(e) => return Err(SecretError::io(path)(e)),
    };
    let mut recipients = Vec::new();
    for (number, line) in (1..).zip(text.lines().map(str::trim)) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let parsed: Box<dyn age::Recipient + Send> = if let Ok(key) = line.parse::<x25519::Recipient>() {
            Box::new(key)
        } else if let Ok(key) = line.parse::<tag::Recipient>() {
            Box::new(key)
        } else if let Ok(key) = line.parse::<tagpq::Recipient>() {
            Box::new(key)
        } else {
            return Err(SecretError::Recipient { path: path.to_owned(), line: number });
        };
        recipients.push(parsed);
    }
    Ok(recipients)
}
