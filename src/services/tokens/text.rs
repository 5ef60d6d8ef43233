use sha2::{Digest as _, Sha256};

/// The tokens of a text, separated by commas or white space, the newest first.
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c == ',' || c.is_whitespace()).filter(|word| !word.is_empty())
}

/// The token that a client shows.
pub fn first(text: &str) -> Option<&str> {
    words(text).next()
}

/// What tokens are compared by.
#[derive(Default)]
pub(super) struct Digests(Vec<[u8; 32]>);

impl Digests {
    pub(super) fn of(text: &str) -> Self {
        Self(words(text).map(digest).collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Compares with every one of them, to the end.
    pub(super) fn contain(&self, word: &str) -> bool {
        let given = digest(word);
        let differs = |known: &[u8; 32]| known.iter().zip(&given).fold(0, |all, (a, b)| all | (a ^ b));
        self.0.iter().fold(false, |found, known| found | (differs(known) == 0))
    }
}

fn digest(word: &str) -> [u8; 32] {
    Sha256::digest(word.as_bytes()).into()
}
