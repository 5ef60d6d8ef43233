//! Documents that others may fetch but not read.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// Encrypts and authenticates documents (ChaCha20-Poly1305, a random nonce each). Bound to the name that a document is
/// kept under, so that none passes for another.
#[derive(Clone)]
pub struct SealKey(Zeroizing<[u8; 32]>);

/// A sealed document is damaged, or was sealed with another key or for another name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is damaged, or sealed with another key")]
pub struct Unreadable;

/// There is no randomness.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot seal: {0}")]
pub struct Unsealable(String);

/// The JSON around a sealed document.
#[derive(Serialize, Deserialize)]
struct Envelope {
    sealed: String,
}

impl SealKey {
    pub(super) fn new(key: [u8; 32]) -> Self {
        Self(Zeroizing::new(key))
    }

    /// The key as text, for the one who is to open what is sealed with it.
    pub fn to_text(&self) -> SecretString {
        URL_SAFE_NO_PAD.encode(*self.0).into()
    }

    /// The key that [`SealKey::to_text`] wrote; `None` if the text is none.
    pub fn from_text(text: &SecretString) -> Option<Self> {
        let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(text.expose_secret().trim()).ok()?);
        Some(Self::new(bytes.as_slice().try_into().ok()?))
    }

    /// The document as JSON: `{"sealed": base64}`.
    ///
    /// # Errors
    /// When the operating system has no randomness.
    pub fn seal(&self, name: &str, document: &[u8]) -> Result<Vec<u8>, Unsealable> {
        let failed = |e: &dyn std::fmt::Display| Unsealable(e.to_string());
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce).map_err(|e| failed(&e))?;
        let mut bytes = document.to_vec();
        self.cipher()
            .ok_or_else(|| failed(&"no cipher"))?
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(name), &mut bytes)
            .map_err(|e| failed(&e))?;
        let sealed = STANDARD.encode([nonce.as_slice(), &bytes].concat());
        serde_json::to_vec(&Envelope { sealed }).map_err(|e| failed(&e))
    }

    /// What was sealed.
    ///
    /// # Errors
    /// When it was sealed with another key or for another name, or is damaged.
    pub fn open(&self, name: &str, sealed: &[u8]) -> Result<Vec<u8>, Unreadable> {
        let Envelope { sealed } = serde_json::from_slice(sealed).map_err(|_| Unreadable)?;
        let bytes = STANDARD.decode(sealed).map_err(|_| Unreadable)?;
        let (nonce, text) = bytes.split_at_checked(NONCE_LEN).ok_or(Unreadable)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| Unreadable)?;
        let mut text = text.to_vec();
        let cipher = self.cipher().ok_or(Unreadable)?;
        let opened = cipher.open_in_place(nonce, Aad::from(name), &mut text).map_err(|_| Unreadable)?.len();
        text.truncate(opened);
        Ok(text)
    }

    fn cipher(&self) -> Option<LessSafeKey> {
        UnboundKey::new(&CHACHA20_POLY1305, &*self.0).ok().map(LessSafeKey::new)
    }
}

impl std::fmt::Debug for SealKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealKey(******)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_key_and_the_name_open_a_document() {
        let key = SealKey::new([7; 32]);
        let sealed = key.seal("job-a", b"{\"x\":1}").unwrap();
        assert!(!String::from_utf8_lossy(&sealed).contains(r#""x""#));
        let again = SealKey::from_text(&key.to_text()).unwrap();
        assert_eq!(again.open("job-a", &sealed).unwrap(), b"{\"x\":1}");
        assert_eq!(again.open("job-b", &sealed), Err(Unreadable));
        assert_eq!(SealKey::new([8; 32]).open("job-a", &sealed), Err(Unreadable));
        for damaged in [&sealed[..sealed.len() - 9], b"", b"{\"sealed\":\"AAAA\"}", b"{\"sealed\":\"?\"}"] {
            assert_eq!(key.open("job-a", damaged), Err(Unreadable));
        }
        assert_ne!(sealed, key.seal("job-a", b"{\"x\":1}").unwrap(), "a nonce is used once");
        assert!(SealKey::from_text(&"short".to_owned().into()).is_none());
        assert!(!format!("{key:?}").contains('7'));
    }
}
