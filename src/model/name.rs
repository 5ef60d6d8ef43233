use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::ModelError;

const EXPECTED: &str =
    "Owner/Title, letters, digits, `-`, `_` and `.` on both sides, as in PSLmodels/Tax-Cruncher";

/// The name of a model: `Owner/Title`. Both parts start with a letter or digit and hold only letters,
/// digits, `-`, `_` and `.`, so that a name is safe as a path, in a URL and in a shell.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ModelName {
    owner: String,
    title: String,
}

impl ModelName {
    /// A name from its two parts.
    ///
    /// # Errors
    /// When a part is empty, longer than 100 characters, or holds other characters.
    pub fn new(owner: &str, title: &str) -> Result<Self, ModelError> {
        if is_part(owner) && is_part(title) {
            Ok(Self { owner: owner.to_owned(), title: title.to_owned() })
        } else {
            Err(ModelError { what: "model name", value: format!("{owner}/{title}"), expected: EXPECTED })
        }
    }

    /// Whether `part` can be an owner or a title.
    pub fn is_valid_part(part: &str) -> bool {
        is_part(part)
    }

    /// The owner, as written.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// The title, as written.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// `<safeowner>-<safetitle>`: how Kubernetes objects are named. Two models may not share it.
    pub fn safe(&self) -> String {
        format!("{}-{}", safe(&self.owner), safe(&self.title))
    }

    /// `<safeowner>_<safetitle>`: how images and entries in a secret manager are named.
    pub fn safe_underscored(&self) -> String {
        format!("{}_{}", safe(&self.owner), safe(&self.title))
    }
}

fn is_part(part: &str) -> bool {
    part.len() <= 100
        && part.starts_with(|c: char| c.is_ascii_alphanumeric())
        && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

/// Drops every character outside `[0-9a-zA-Z]` and lower-cases the rest.
fn safe(part: &str) -> String {
    part.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

impl fmt::Display for ModelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.title)
    }
}

impl FromStr for ModelName {
    type Err = ModelError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let error = || ModelError { what: "model name", value: s.to_owned(), expected: EXPECTED };
        let (owner, title) = s.split_once('/').ok_or_else(error)?;
        Self::new(owner, title).map_err(|_| error())
    }
}

impl TryFrom<String> for ModelName {
    type Error = ModelError;

    fn try_from(value: String) -> Result<Self, Self::Error> {
        value.parse()
    }
}

impl From<ModelName> for String {
    fn from(name: ModelName) -> Self {
        name.to_string()
    }
}
