//! One secret that the services in a cluster share, and what is derived from it. Nobody has to be asked whether a
//! token counts or which key a job's inputs are sealed with.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use super::AttemptToken;
use super::seal::SealKey;
use crate::model::{JobId, ModelName, TaskName};

/// Shorter secrets could be guessed.
const SHORTEST: usize = 32;

/// The secret that scheduler and outputs processor share. Executors get what is derived for their own job, never this.
#[derive(Clone)]
pub struct ClusterKey(hmac::Key);

/// What an attempt's token says of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The job.
    pub id: JobId,
    /// Which of its attempts, from 1.
    pub attempt: u32,
    /// The model.
    pub model: ModelName,
    /// `parse` or `sim`.
    pub task: TaskName,
}

/// The secret is too short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cluster key is shorter than {SHORTEST} characters")]
pub struct WeakKey;

impl ClusterKey {
    /// The key that a secret text stands for.
    ///
    /// # Errors
    /// When it is shorter than 32 characters.
    pub fn new(secret: &SecretString) -> Result<Self, WeakKey> {
        let secret = secret.expose_secret();
        if secret.len() < SHORTEST {
            return Err(WeakKey);
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes())))
    }

    /// What the executor of an attempt proves itself with to the outputs processor: `claims.signature`.
    pub fn attempt_token(&self, claims: &Claims) -> AttemptToken {
        // Claims are plain fields: there is always JSON of them.
        let text = URL_SAFE_NO_PAD.encode(serde_json::to_vec(claims).unwrap_or_default());
        let signature = URL_SAFE_NO_PAD.encode(self.derive("attempt", text.as_bytes()));
        AttemptToken(format!("{text}.{signature}"))
    }

    /// What a token says, if it was made with this key.
    pub fn verify(&self, token: &AttemptToken) -> Option<Claims> {
        let (text, signature) = token.0.split_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        hmac::verify(&self.0, &labelled("attempt", text.as_bytes()), &signature).ok()?;
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
    }

    /// What the services prove themselves with to each other, as `Authorization: Bearer …`.
    pub fn service_token(&self) -> SecretString {
        URL_SAFE_NO_PAD.encode(self.derive("service", b"")).into()
    }

    /// The key that a job's inputs are sealed with; its executor gets it as text (see [`SealKey::from_text`]).
    pub fn job_key(&self, id: &JobId) -> SealKey {
        SealKey::new(self.derive("job", id.as_str().as_bytes()))
    }

    /// The key that the scheduler's own records are sealed with.
    pub fn record_key(&self) -> SealKey {
        SealKey::new(self.derive("records", b""))
    }

    fn derive(&self, label: &str, context: &[u8]) -> [u8; 32] {
        let mut derived = [0; 32];
        derived.copy_from_slice(hmac::sign(&self.0, &labelled(label, context)).as_ref());
        derived
    }
}

impl std::fmt::Debug for ClusterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClusterKey(******)")
    }
}

fn labelled(label: &str, context: &[u8]) -> Vec<u8> {
    [label.as_bytes(), b"\0", context].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> ClusterKey {
        ClusterKey::new(&text.to_owned().into()).unwrap()
    }

    fn claims() -> Claims {
        Claims {
            id: "run-1".parse().unwrap(),
            attempt: 2,
            model: "Examples/Solow".parse().unwrap(),
            task: TaskName::Sim,
        }
    }

    #[test]
    fn a_token_says_what_it_was_made_for_to_those_who_have_the_key() {
        let key_1 = key("0123456789abcdef0123456789abcdef");
        let token = key_1.attempt_token(&claims());
        assert_eq!(key_1.verify(&token), Some(claims()));
        assert_eq!(key("another-key-another-key-another-k").verify(&token), None);
        let (text, signature) = token.0.split_once('.').unwrap();
        let other = key_1.attempt_token(&Claims { attempt: 3, ..claims() });
        let forged = AttemptToken(format!("{}.{signature}", other.0.split_once('.').unwrap().0));
        for wrong in
            [forged, AttemptToken(text.to_owned()), AttemptToken(String::new()), AttemptToken(".".into())]
        {
            assert_eq!(key_1.verify(&wrong), None);
        }
    }

    #[test]
    fn every_purpose_and_job_has_a_key_of_its_own() {
        let key = key("0123456789abcdef0123456789abcdef");
        let sealed = key.job_key(&"a".parse().unwrap()).seal("job-a", b"text").unwrap();
        assert!(key.job_key(&"b".parse().unwrap()).open("job-a", &sealed).is_err());
        assert!(key.record_key().open("job-a", &sealed).is_err());
        assert_eq!(key.job_key(&"a".parse().unwrap()).open("job-a", &sealed).unwrap(), b"text");
    }

    #[test]
    fn short_secrets_are_refused_and_none_is_shown() {
        assert_eq!(ClusterKey::new(&"short".to_owned().into()).unwrap_err(), WeakKey);
        assert!(!format!("{:?}", key("0123456789abcdef0123456789abcdef")).contains("0123"));
    }
}
