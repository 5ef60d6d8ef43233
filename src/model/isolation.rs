use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::ModelError;

/// How far a model's processes on this machine are kept from what is not theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Isolation {
    /// They may do what their user may.
    None,
    /// The kernel keeps them to their environment, their repository and a folder of their own.
    #[default]
    Process,
    /// So does a container of the Docker engine, which has neither other processes nor a network.
    Container,
}

impl Isolation {
    /// All of them, the weakest first.
    pub const ALL: [Self; 3] = [Self::None, Self::Process, Self::Container];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Process => "process",
            Self::Container => "container",
        }
    }
}

impl fmt::Display for Isolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Isolation {
    type Err = ModelError;

    fn from_str(text: &str) -> Result<Self, ModelError> {
        let expected = "`none`, `process` or `container`";
        let found = Self::ALL.into_iter().find(|level| level.as_str() == text);
        found.ok_or_else(|| ModelError { what: "isolation", value: text.to_owned(), expected })
    }
}

/// What a model's processes may reach on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Reach {
    /// How far they are kept from the rest; `None` where the model's file does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub isolation: Option<Isolation>,
    /// What they may read besides their repository and environment; relative paths start at the repository.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reads: Vec<PathBuf>,
    /// What they may write besides a folder of their own; relative paths start at the repository.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub writes: Vec<PathBuf>,
}

impl Reach {
    /// Whether the model's file says nothing of it.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
