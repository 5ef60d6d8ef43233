//! What attempts prove themselves with: a word that is signed with the store's own key, so that nobody has to keep it.

use std::io::{ErrorKind, Read as _, Write as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;

use crate::model::Job;
use crate::private;
use crate::store::{AttemptToken, StoreError};

/// The key's file, beside the database.
const FILE: &str = "store.key";
/// Bytes of the key.
const LENGTH: usize = 32;

/// The key that a store signs tokens with.
#[derive(Debug, Clone)]
pub(super) struct Signing(hmac::Key);

impl Signing {
    /// The key in a folder that is locked, made where there is none.
    pub(super) fn open(dir: &Path) -> Result<Self, StoreError> {
        let path = dir.join(FILE);
        let failed = |reason: String| StoreError::Io { path: path.display().to_string(), reason };
        let mut bytes = Vec::new();
        match private::options().read(true).open(&path).and_then(private::closed) {
            Ok(mut file) => file.read_to_end(&mut bytes).map(drop).map_err(|e| failed(e.to_string()))?,
            Err(e) if e.kind() == ErrorKind::NotFound => {}
            Err(e) => return Err(failed(e.to_string())),
        }
        // A power loss may leave it empty; attempts of before can't prove themselves then, and their results are taken
        // from their folders.
        if bytes.len() != LENGTH {
            bytes = vec![0; LENGTH];
            getrandom::fill(&mut bytes).map_err(|e| failed(e.to_string()))?;
            let mut file = private::create(&path).map_err(|e| failed(e.to_string()))?;
            file.write_all(&bytes).and_then(|()| file.sync_all()).map_err(|e| failed(e.to_string()))?;
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }

    /// What the executor of a job's current attempt proves itself with. Also another job that gets the same id later has
    /// other tokens.
    pub(super) fn token(&self, job: &Job) -> AttemptToken {
        let text = format!("{}.{}.{}", job.id, job.attempt, job.created_at.as_nanosecond());
        let signature = URL_SAFE_NO_PAD.encode(hmac::sign(&self.0, text.as_bytes()));
        AttemptToken(format!("{text}.{signature}"))
    }

    /// Whether this store has ever given such a token to an attempt.
    pub(super) fn is_ours(&self, token: &AttemptToken) -> bool {
        let Some((text, signature)) = token.0.rsplit_once('.') else { return false };
        let signature = URL_SAFE_NO_PAD.decode(signature);
        signature.is_ok_and(|signature| hmac::verify(&self.0, text.as_bytes(), &signature).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(created_at: i64) -> Job {
        serde_json::from_value(serde_json::json!({
            "id": "run-1", "model": "Test/Echo", "task": "sim", "status": "RUNNING", "attempt": 1,
            "created_at": jiff::Timestamp::from_second(created_at).unwrap(),
        }))
        .unwrap()
    }

    #[test]
    fn only_the_stores_own_words_count_and_they_outlive_it() {
        let (here, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let token = Signing::open(here.path()).unwrap().token(&job(1));
        let again = Signing::open(here.path()).unwrap();
        assert_eq!(again.token(&job(1)), token);
        assert_ne!(again.token(&job(2)), token);
        assert!(again.is_ours(&token));
        assert!(!Signing::open(elsewhere.path()).unwrap().is_ours(&token));
        let (text, signature) = token.0.rsplit_once('.').unwrap();
        for forged in
            [String::new(), ".".into(), text.into(), format!("{text}x.{signature}"), format!("{text}.AAAA")]
        {
            assert!(!again.is_ours(&AttemptToken(forged.clone())), "{forged}");
        }
    }
}
