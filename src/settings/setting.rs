use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use super::value::Kind;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A flag of the command line, named with its dashes.
    Flag(&'static str),
    /// An environment variable.
    Env(&'static str),
    /// A line of a settings file.
    File {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// Nobody said anything.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => write!(f, "flag {name}"),
            Self::Env(name) => write!(f, "environment {name}"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A value and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting<T> {
    /// The value in effect.
    pub value: T,
    /// Who set it.
    pub origin: Origin,
}

/// What there is to know about a setting before it has a value.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// Its key in `csw.yaml`.
    pub key: &'static str,
    /// Its flag, with dashes; some commands alone have it, and some settings have none.
    pub flag: Option<&'static str>,
    /// Its environment variable.
    pub env: &'static str,
    /// Its default, in words.
    pub default: &'static str,
    /// What it says, in Markdown, a sentence with its full stop.
    pub about: &'static str,
    pub(super) kind: Kind,
}

/// An effective setting as people and scripts see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Effective {
    /// Its key in `csw.yaml`.
    #[serde(skip)]
    pub key: &'static str,
    /// The value, masked if it is secret; `null` if there is none.
    pub value: Option<String>,
    /// `flag`, `environment`, `file` or `default`.
    pub origin: &'static str,
    /// Which flag or variable, or the file and line; `null` for a default.
    pub source: Option<String>,
}

impl Effective {
    pub(super) fn new(key: &'static str, value: Option<String>, origin: &Origin) -> Self {
        let (origin, source) = match origin {
            Origin::Flag(name) => ("flag", Some((*name).to_owned())),
            Origin::Env(name) => ("environment", Some((*name).to_owned())),
            Origin::File { path, line } => ("file", Some(format!("{}:{line}", path.display()))),
            Origin::Default => ("default", None),
        };
        Self { key, value, origin, source }
    }
}
