use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// Feeds JSON to a hash so that the order of keys doesn't matter, and no two values look alike.
pub(super) struct Hasher(Sha256);

impl Hasher {
    pub(super) fn new() -> Self {
        Self(Sha256::new())
    }

    pub(super) fn tag(&mut self, tag: u8, bytes: &[u8]) {
        self.0.update([tag]);
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    pub(super) fn value(&mut self, value: &Value) {
        match value {
            Value::Null => self.tag(b'0', &[]),
            Value::Bool(b) => self.tag(b'b', &[u8::from(*b)]),
            Value::Number(n) => self.tag(b'n', n.to_string().as_bytes()),
            Value::String(s) => self.tag(b's', s.as_bytes()),
            Value::Array(items) => {
                self.tag(b'[', &(items.len() as u64).to_le_bytes());
                items.iter().for_each(|i| self.value(i));
            }
            Value::Object(map) => {
                self.tag(b'{', &(map.len() as u64).to_le_bytes());
                let mut keys: Vec<&String> = map.keys().collect();
                keys.sort_unstable();
                for key in keys {
                    self.tag(b'k', key.as_bytes());
                    self.value(map.get(key).unwrap_or(&Value::Null));
                }
            }
        }
    }

    /// The first 128 bits, in hexadecimal: an accidental collision among objects of one name is out of the question.
    pub(super) fn finish(self) -> String {
        use std::fmt::Write as _;
        self.0.finalize().iter().take(16).fold(String::new(), |mut text, byte| {
            // Writing to a string can't fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}
