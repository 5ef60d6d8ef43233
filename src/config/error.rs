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
    /// Models that nobody has configured.
    #[error("{}", unknown(names, searched))]
    UnknownModels {
        /// The names as given, and the name that each was probably meant to be.
        names: Vec<(String, Option<String>)>,
        /// Files, folders and URLs that were read.
        searched: Vec<String>,
    },
}

fn unknown(names: &[(String, Option<String>)], searched: &[String]) -> String {
    let plural = if names.len() == 1 { "" } else { "s" };
    let given: Vec<String> = names.iter().map(|(name, _)| format!("`{name}`")).collect();
    format!("no model{plural} {} in {}", given.join(", "), searched.join(", "))
}

impl Diagnose for ConfigError {
    fn exit(&self) -> Exit {
        match self {
            Self::Io { .. } | Self::Invalid(_) | Self::UnknownModels { .. } => Exit::Config,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Io { .. } | Self::Invalid(_) => Vec::new(),
            Self::UnknownModels { names, .. } => {
                let near = names.iter().filter_map(|(_, near)| near.as_ref());
                let mut hints: Vec<String> = near.map(|n| format!("did you mean `{n}`?")).collect();
                if hints.is_empty() {
                    hints.push("see them all with `csw models list`".into());
                }
                hints
            }
        }
    }

    fn report(&self, style: ReportStyle) -> Option<String> {
        match self {
            Self::Invalid(diagnostics) => Some(diagnostics.render(style)),
            Self::Io { .. } | Self::UnknownModels { .. } => None,
        }
    }
}
