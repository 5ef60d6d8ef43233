use sha2::{Digest as _, Sha256};

/// Bumped when csw builds differently: what older releases built is not used any more.
const GENERATION: &[u8] = b"csw image 1";

/// Gathers what an image is made of into digits that change with any of it.
#[derive(Debug)]
pub(super) struct ContentKey(Sha256);

impl ContentKey {
    pub(super) fn new() -> Self {
        Self(Sha256::new()).with("generation", GENERATION)
    }

    /// Adds a part; `what` keeps two kinds of parts apart.
    #[must_use]
    pub(super) fn with(mut self, what: &str, content: impl AsRef<[u8]>) -> Self {
        for bytes in [what.as_bytes(), content.as_ref()] {
            self.0.update((bytes.len() as u64).to_be_bytes());
            self.0.update(bytes);
        }
        self
    }

    /// 64 hexadecimal digits.
    pub(super) fn finish(self) -> String {
        self.0.finalize().iter().map(|b| format!("{b:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_into_each_other() {
        let key = |parts: &[(&str, &str)]| {
            parts.iter().fold(ContentKey::new(), |key, (what, content)| key.with(what, content)).finish()
        };
        let keys = [
            key(&[]),
            key(&[("a", "bc")]),
            key(&[("ab", "c")]),
            key(&[("a", "b"), ("c", "")]),
            key(&[("a", "b")]),
        ];
        for (i, one) in keys.iter().enumerate() {
            assert_eq!(one.len(), 64);
            assert!(keys.iter().skip(i + 1).all(|other| other != one));
        }
    }
}
