use std::path::PathBuf;

use crate::error::{Diagnose, Exit};

/// Why the settings are not usable.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The settings file could not be read.
    #[error("cannot read {path}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// Values are wrong, each with its place and what was expected.
    #[error("{}", problems.join("\n"))]
    Invalid {
        /// One line a problem.
        problems: Vec<String>,
    },
}

impl Diagnose for SettingsError {
    fn exit(&self) -> Exit {
        match self {
            Self::Io { .. } | Self::Invalid { .. } => Exit::Config,
        }
    }
}
