use std::fmt;
use std::path::Path;

use super::Value;

/// An image registry, perhaps with a path in it: what stands before the project in an image's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryName(String);

impl RegistryName {
    /// The name, as image references have it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for RegistryName {
    fn from(name: &str) -> Self {
        Self(name.to_owned())
    }
}

impl fmt::Display for RegistryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Value for RegistryName {
    const EXPECTED: &'static str = "a registry without `https://` before it and without `/` at its end, as in gcr.io or localhost:5000/team";

    fn read(text: &str, _base: &Path) -> Option<Self> {
        let name = !text.is_empty()
            && !text.contains("://")
            && !text.starts_with('/')
            && !text.ends_with('/')
            && !text.contains(char::is_whitespace);
        name.then(|| Self(text.to_owned()))
    }

    fn show(&self) -> Option<String> {
        Some(self.0.clone())
    }
}
