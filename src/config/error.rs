use std::path::PathBuf;

use super::{Diagnostics, ReportStyle};
use crate::error::{Diagnose, Exit};

/// Why configuration can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A folder can't be read.
    #[error("cannot read {path}: {source}", path = path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// Files are wrong; all of what is wrong in all of them.
    #[error("{0}")]
    Invalid(Diagnostics),
}

impl Diagnose for ConfigError {
    fn exit(&self) -> Exit {
        match self {
            Self::Io { .. } | Self::Invalid(_) => Exit::Config,
        }
    }

    fn report(&self, style: ReportStyle) -> Option<String> {
        match self {
            Self::Invalid(diagnostics) => Some(diagnostics.render(style)),
            Self::Io { .. } => None,
        }
    }
}
