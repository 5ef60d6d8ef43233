use std::fmt;
use std::sync::Arc;

use minijinja::value::{Object, ObjectRepr, Value};
use secrecy::{ExposeSecret, SecretString};

/// A secret's value inside of templates: it can be placed, tested for and encoded, but never joined to other text,
/// compared or printed, and objects of other kinds than Secret refuse it.
pub(super) struct SecretText(SecretString);

impl SecretText {
    pub(super) fn value(text: SecretString) -> Value {
        Value::from_object(Self(text))
    }

    pub(super) fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("******")
    }
}

impl Object for SecretText {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    /// Text that is made from a secret would not be known for one any more: it carries what [`is_in`] finds instead.
    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(TRACE)
    }
}

/// A character of Unicode's private use area that no filter changes.
const TRACE: &str = "\u{E003}";

/// Whether an expression made `text` from a secret.
pub(super) fn is_in(text: &str) -> bool {
    // Nearly no text has the first byte of it, which is looked for much faster.
    text.as_bytes().contains(&0xEE) && text.contains(TRACE)
}
