//! Hides secrets in a stream.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};

/// What a secret is replaced by.
const MASK: &[u8] = b"******";

/// Replaces secret values in a byte stream, also where a value is cut by a chunk's border.
pub(super) struct Redaction {
    /// Longest first, so that a value that starts with another is hidden whole.
    values: Vec<Vec<u8>>,
    held: Vec<u8>,
}

impl Redaction {
    /// Hides these values. Empty ones are no secrets.
    pub(super) fn new<'a>(values: impl IntoIterator<Item = &'a str>) -> Self {
        let mut values: Vec<Vec<u8>> =
            values.into_iter().filter(|v| !v.is_empty()).map(|v| v.as_bytes().to_vec()).collect();
        values.sort_by_key(|v| std::cmp::Reverse(v.len()));
        Self { values, held: Vec::new() }
    }

    /// Hides the values of these secrets.
    pub(super) fn of(secrets: &BTreeMap<String, SecretString>) -> Self {
        Self::new(secrets.values().map(ExposeSecret::expose_secret))
    }

    /// A whole text without secrets.
    pub(super) fn text(&mut self, text: &str) -> String {
        let mut shown = self.push(text.as_bytes());
        shown.extend(self.finish());
        String::from_utf8_lossy(&shown).into_owned()
    }

    /// Takes a chunk; returns what is safe to show. A tail that may be the start of a secret is held back.
    pub(super) fn push(&mut self, chunk: &[u8]) -> Vec<u8> {
        if self.values.is_empty() {
            return chunk.to_vec();
        }
        self.held.extend_from_slice(chunk);
        let mut shown = Vec::with_capacity(self.held.len());
        let mut at = 0;
        while let Some(rest) = self.held.get(at..).filter(|r| !r.is_empty()) {
            if let Some(value) = self.values.iter().find(|v| rest.starts_with(v)) {
                shown.extend_from_slice(MASK);
                at += value.len();
            } else if self.values.iter().any(|v| v.starts_with(rest)) {
                break;
            } else {
                shown.extend(rest.first());
                at += 1;
            }
        }
        drop(self.held.drain(..at));
        shown
    }

    /// What was held back: the stream ended, so it is no secret.
    pub(super) fn finish(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.held)
    }
}
