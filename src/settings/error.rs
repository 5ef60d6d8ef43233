use std::path::PathBuf;

use crate::config::{Diagnostics, ReportStyle};
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
    /// Values are wrong; all of them.
    #[error("{}", lines(problems, file))]
    Invalid {
        /// Those of flags and variables, a line each.
        problems: Vec<String>,
        /// Those of the settings file.
        file: Diagnostics,
    },
}

fn lines(problems: &[String], file: &Diagnostics) -> String {
    let file = file.iter().map(ToString::to_string);
    problems.iter().cloned().chain(file).collect::<Vec<_>>().join("\n")
}

impl Diagnose for SettingsError {
    fn exit(&self) -> Exit {
        match self {
            Self::Io { .. } | Self::Invalid { .. } => Exit::Config,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Io { .. } => Vec::new(),
            Self::Invalid { .. } => vec!["See all settings with `csw cluster info --help`".into()],
        }
    }

    fn report(&self, style: ReportStyle) -> Option<String> {
        match self {
            Self::Invalid { problems, file } if !file.is_empty() => {
                let problems: String = problems.iter().map(|p| format!("error: {p}\n")).collect();
                Some(problems + &file.render(style))
            }
            Self::Io { .. } | Self::Invalid { .. } => None,
        }
    }
}
