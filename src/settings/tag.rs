use std::fmt;
use std::path::Path;
use std::sync::OnceLock;

use super::Value;

/// The image tag: what was given, else today's date. The date is looked up when somebody asks, because finding the
/// time zone takes longer than all else that a short command does.
#[derive(Debug, Clone, Default)]
pub struct Tag(OnceLock<String>);

impl Tag {
    /// The tag; today, as `2026-01-31`, stays the same from the first time on.
    pub fn as_str(&self) -> &str {
        self.0.get_or_init(|| jiff::Zoned::now().strftime("%Y-%m-%d").to_string())
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Value for Tag {
    const EXPECTED: &'static str = String::EXPECTED;

    fn read(text: &str, base: &Path) -> Option<Self> {
        String::read(text, base).map(|tag| Self(OnceLock::from(tag)))
    }

    fn show(&self) -> Option<String> {
        Some(self.to_string())
    }
}
