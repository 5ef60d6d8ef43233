use std::path::PathBuf;

use crate::error::{Diagnose, Exit};

/// Why there is no telling who one is at a registry. Having no credentials is no error.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// Docker's configuration file can't be read.
    #[error("cannot read Docker's configuration {}: {why}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong with it; never its content.
        why: String,
    },
    /// What the file holds for the registry is no credential.
    #[error("the credentials for {registry} in {} are not usable: {why}", path.display())]
    Entry {
        /// The registry's host.
        registry: String,
        /// The file.
        path: PathBuf,
        /// What is wrong with them; never their content.
        why: &'static str,
    },
    /// The credential helper gave no answer that can be used.
    #[error("the credential helper {helper} failed for {registry}: {why}")]
    Helper {
        /// The registry's host.
        registry: String,
        /// The program.
        helper: String,
        /// What it said, or what happened to it.
        why: String,
    },
}

impl Diagnose for CredentialError {
    fn exit(&self) -> Exit {
        Exit::Config
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Config { .. } => {
                vec!["Correct the file, or name another folder with DOCKER_CONFIG".into()]
            }
            Self::Entry { registry, .. } => vec![format!("Log in anew with `docker login {registry}`")],
            Self::Helper { registry, helper, .. } => vec![format!(
                "See what it says with `echo {registry} | {helper} get`; it must be on PATH and logged in"
            )],
        }
    }
}
