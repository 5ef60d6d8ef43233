use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::model::{Job, JobStatus, TaskKwargs};
use crate::store::{Claims, ClusterKey, RunningAttempt};

/// What the store knows of a job, its arguments aside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    /// The place in the order of acceptance, which never changes.
    pub(super) seq: u64,
    /// Higher with each change: tells the newer of two copies.
    pub(super) rev: u64,
    pub(super) job: Job,
    /// Attempts that ended without a result.
    pub(super) lost: u32,
    /// The attempt whose result was accepted.
    pub(super) delivered: Option<u32>,
    /// Of the arguments, which are gone when the job has ended: tells a repeated submission from another.
    pub(super) digest: Digest,
    pub(super) inputs: Inputs,
}

/// Whether the document with a job's arguments is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Inputs {
    /// It is being written. If it is missing after a crash, nobody was told that the job is accepted.
    New,
    /// It is there.
    Kept,
    /// It is being deleted.
    Leaving,
    /// It is not there.
    Gone,
}

impl Record {
    /// What the token of the current attempt says.
    pub(super) fn claims(&self) -> Claims {
        Claims {
            id: self.job.id.clone(),
            attempt: self.job.attempt,
            model: self.job.model.clone(),
            task: self.job.task,
        }
    }

    /// The record once Redis has all of it.
    pub(super) fn settled(&self) -> Option<Self> {
        let inputs = match self.inputs {
            Inputs::New => Inputs::Kept,
            Inputs::Leaving => Inputs::Gone,
            Inputs::Kept | Inputs::Gone => return None,
        };
        Some(Self { inputs, ..self.clone() })
    }

    pub(super) fn running(&self, key: &ClusterKey) -> Option<RunningAttempt> {
        (self.job.status == JobStatus::Running).then(|| RunningAttempt {
            job: self.job.clone(),
            token: key.attempt_token(&self.claims()),
            lost: self.lost,
        })
    }
}

/// A digest of arguments; the order of keys makes no difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct Digest([u8; 32]);

impl Digest {
    pub(super) fn of(kwargs: &TaskKwargs) -> Self {
        let mut hash = Sha256::new();
        object(&mut hash, kwargs);
        Self(hash.finalize().into())
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        STANDARD_NO_PAD.encode(digest.0)
    }
}

impl TryFrom<String> for Digest {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let bytes = STANDARD_NO_PAD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or("expected a digest of 32 bytes")
    }
}

fn object(hash: &mut Sha256, object: &TaskKwargs) {
    let mut entries: Vec<_> = object.iter().collect();
    entries.sort_unstable_by_key(|(name, _)| *name);
    hash.update("{");
    for (name, value) in entries {
        text(hash, name);
        feed(hash, value);
    }
    hash.update("}");
}

fn feed(hash: &mut Sha256, value: &Value) {
    match value {
        Value::Null => hash.update("z"),
        Value::Bool(b) => hash.update(if *b { "t" } else { "f" }),
        Value::Number(n) => {
            hash.update("n");
            text(hash, &n.to_string());
        }
        Value::String(s) => {
            hash.update("s");
            text(hash, s);
        }
        Value::Array(items) => {
            hash.update("[");
            items.iter().for_each(|item| feed(hash, item));
            hash.update("]");
        }
        Value::Object(map) => object(hash, map),
    }
}

fn text(hash: &mut Sha256, text: &str) {
    hash.update((text.len() as u64).to_be_bytes());
    hash.update(text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn equal_arguments_have_one_digest_and_others_another() {
        let of = |value: Value| Digest::of(value.as_object().unwrap());
        let first = of(json!({"a": {"x": [1, 2.5], "y": null}, "b": "text"}));
        assert_eq!(Digest::try_from(String::from(first)), Ok(first));
        assert_eq!(first, of(json!({"b": "text", "a": {"y": null, "x": [1, 2.5]}})));
        for other in [
            json!({"a": {"x": [1, 2.5], "y": null}, "b": "tex"}),
            json!({"a": {"x": [2.5, 1], "y": null}, "b": "text"}),
            json!({"a": {"x": [1, 2.5]}, "b": "text"}),
            json!({"a": {"x": [1.0, 2.5], "y": null}, "b": "text"}),
            json!({"a": {"x": [1, 2.5], "y": "null"}, "b": "text"}),
            json!({}),
        ] {
            assert_ne!(first, of(other.clone()), "{other}");
        }
    }
}
