use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Deserializer};

use super::SecretError;

/// The longest value, in bytes: what secret managers and environment variables take.
const MAX_BYTES: usize = 64 * 1024;

/// How a value shows.
pub(super) const MASK: &str = "******";

/// A secret's value: text that `Debug` and `Display` show as `******`, wiped from memory when dropped.
/// It can't be serialised by accident; [`expose`](Self::expose) is the one way to the text.
#[derive(Clone)]
pub struct SecretValue(SecretString);

impl SecretValue {
    /// A value that someone typed or piped in.
    ///
    /// # Errors
    /// When it is longer than 64 KiB or holds a NUL, which no environment variable can carry.
    pub fn new(text: String) -> Result<Self, SecretError> {
        // The text is wiped with `value` in the error cases too.
        let value = Self(SecretString::from(text));
        let expected = match value.expose() {
            t if t.len() > MAX_BYTES => "at most 64 KiB",
            t if t.contains('\0') => "text without NUL characters",
            _ => return Ok(value),
        };
        Err(SecretError::Value { expected })
    }

    /// The text itself. Never print, log or store it unasked.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl From<SecretString> for SecretValue {
    fn from(value: SecretString) -> Self {
        Self(value)
    }
}

impl From<String> for SecretValue {
    fn from(value: String) -> Self {
        Self(SecretString::from(value))
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl fmt::Display for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl<'de> Deserialize<'de> for SecretValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_shows_as_stars() {
        let value = SecretValue::new("hunter2".into()).unwrap();
        assert_eq!(format!("{value} {value:?}"), "****** ******");
        assert_eq!(value.expose(), "hunter2");
    }

    #[test]
    fn what_no_environment_variable_carries_is_refused() {
        assert!(SecretValue::new("a\0b".into()).is_err());
        assert!(SecretValue::new("x".repeat(MAX_BYTES + 1)).is_err());
        assert!(SecretValue::new("x".repeat(MAX_BYTES)).is_ok());
    }
}
