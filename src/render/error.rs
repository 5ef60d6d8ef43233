use super::KubeVersion;
use crate::error::{Diagnose, Exit};

/// Why objects can't be rendered. No variant carries a secret's value.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// A version that objects can't be rendered for.
    #[error(
        "invalid Kubernetes version `{value}`: expected {} to {}, as in 1.30",
        KubeVersion::OLDEST,
        KubeVersion::NEWEST
    )]
    KubeVersion {
        /// As it was given.
        value: String,
    },
    /// Values that the objects need and nobody gave: one line each, what and how to set it.
    #[error("cannot render: {} missing\n{}", count(.needs.len(), "value is", "values are"), lines(.needs))]
    Missing {
        /// What is missing.
        needs: Vec<String>,
    },
    /// Values or templates that can't become valid objects: one line each, with its place.
    #[error("cannot render: {}\n{}", count(.problems.len(), "problem", "problems"), lines(.problems))]
    Invalid {
        /// What is wrong.
        problems: Vec<String>,
    },
    /// An object that YAML can't carry: a bug.
    #[error("cannot write {object} as YAML: {reason}")]
    Yaml {
        /// The object.
        object: String,
        /// The serialiser's answer.
        reason: String,
    },
}

fn count(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

fn lines(all: &[String]) -> String {
    all.iter().map(|l| format!("  {l}")).collect::<Vec<_>>().join("\n")
}

impl Diagnose for RenderError {
    fn exit(&self) -> Exit {
        match self {
            Self::KubeVersion { .. } | Self::Missing { .. } | Self::Invalid { .. } => Exit::Config,
            Self::Yaml { .. } => Exit::Internal,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Missing { .. } => vec!["See what is set, and where: csw cluster info".to_owned()],
            Self::KubeVersion { .. } | Self::Invalid { .. } | Self::Yaml { .. } => Vec::new(),
        }
    }
}
