use std::path::PathBuf;
use std::sync::Arc;

use crate::error::{Diagnose, Exit};
use crate::model::JobId;
use crate::private::NotPrivate;

/// Why a store operation failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The operating system refused access to a file.
    #[error("cannot access {path}: {reason}")]
    Io {
        /// The file or folder.
        path: String,
        /// The operating system's answer.
        reason: String,
    },
    /// The folder is not this user's alone.
    #[error("{0}")]
    NotPrivate(Arc<NotPrivate>),
    /// The id is taken by another submission.
    #[error("job {id} exists with {differs}")]
    Conflict {
        /// The id.
        id: JobId,
        /// What differs: "another model", "other inputs".
        differs: &'static str,
    },
    /// A page was asked for that starts after a job that isn't there.
    #[error("there is no job {id}")]
    NoSuchJob {
        /// The id.
        id: JobId,
    },
    /// Another process has the store open.
    #[error("{path} is in use by process {holder}")]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// The other process's id, or "another process" where the file does not tell.
        holder: String,
    },
    /// The file is damaged, or not a store at all.
    #[error("{path} is damaged or not a job store: {reason}")]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// The file was written by a later version.
    #[error("{path} has format {found}; this csw knows formats up to {known}")]
    Format {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u64,
        /// The latest that is known here.
        known: u64,
    },
    /// Reading or writing failed while the store was open, a full disk for example. Nothing of the operation
    /// is kept.
    #[error("the job store failed: {reason}")]
    Failed {
        /// The first cause.
        reason: String,
    },
    /// It can't be reached at the moment, or is closed here. What was asked for may have happened, or happen yet:
    /// asking again does no harm.
    #[error("the job store is not available: {reason}")]
    Unavailable {
        /// Why.
        reason: String,
    },
    /// Redis does not let this user in, or not do what it has to.
    #[error("Redis at {server} refuses the user `{user}`: {reason}")]
    Denied {
        /// Host and port.
        server: String,
        /// The user.
        user: String,
        /// Its answer.
        reason: String,
    },
    /// A document of the store in Redis can't be used.
    #[error("the document {key} in Redis at {server} {problem}")]
    Document {
        /// Its key.
        key: String,
        /// Host and port.
        server: String,
        /// What is wrong: "has format 2; this csw knows formats up to 1".
        problem: String,
        /// What to try next.
        hint: &'static str,
    },
}

impl From<NotPrivate> for StoreError {
    fn from(error: NotPrivate) -> Self {
        Self::NotPrivate(Arc::new(error))
    }
}

impl Diagnose for StoreError {
    fn exit(&self) -> Exit {
        match self {
            Self::Io { .. }
            | Self::NotPrivate(_)
            | Self::Conflict { .. }
            | Self::NoSuchJob { .. }
            | Self::Locked { .. }
            | Self::Corrupt { .. }
            | Self::Format { .. }
            | Self::Document { .. }
            | Self::Failed { .. } => Exit::Config,
            Self::Unavailable { .. } | Self::Denied { .. } => Exit::Remote,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Io { .. } | Self::NoSuchJob { .. } => Vec::new(),
            Self::NotPrivate(e) => e.hints(),
            Self::Conflict { .. } => {
                vec!["Choose another --id, or leave it out for a random one".to_owned()]
            }
            Self::Locked { holder, .. } => vec![
                format!(
                    "Stop the other stack (process {holder}), or give this one its own folder with --data DIR"
                ),
                "Submit to the running stack instead: `csw jobs submit`".to_owned(),
            ],
            Self::Corrupt { path, .. } => {
                vec![format!(
                    "Restore {} from a backup, or move it away to start with an empty store",
                    path.display()
                )]
            }
            Self::Format { .. } => vec!["Use a newer csw, or another folder with --data DIR".to_owned()],
            Self::Unavailable { .. } => {
                vec!["Look at Redis: `kubectl get pods -l app=redis-master`; nothing that was accepted is lost"
                    .to_owned()]
            }
            Self::Denied { user, .. } => vec![format!(
                "Compare the password with the one in the Secret `redis-{user}`, and restart Redis after a change"
            )],
            Self::Document { hint, .. } => vec![(*hint).to_owned()],
            Self::Failed { .. } => {
                vec!["Check the disk's free space and health: it goes on by itself then, and nothing that was accepted is lost".to_owned()]
            }
        }
    }
}
