use std::time::Duration;

use super::EndCause;
use crate::error::{Diagnose, Exit};
use crate::kube::KubeError;
use crate::model::JobId;

/// Why a job's executor could not be started, asked or ended.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// The operating system refused access to a file.
    #[error("cannot access {path}: {source}")]
    Io {
        /// The file or folder.
        path: String,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// The executor's program could not be started.
    #[error("cannot start {program}: {source}")]
    Spawn {
        /// The program.
        program: String,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// A process could not be signalled or waited for.
    #[error("cannot {what} process {pid}: {source}")]
    Process {
        /// What was tried: "signal", "watch".
        what: &'static str,
        /// The process.
        pid: u32,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// A file that the runtime wrote can't be read back.
    #[error("{path} is damaged: {reason}")]
    Damaged {
        /// The file.
        path: String,
        /// What was found.
        reason: String,
    },
    /// The cluster refused, or could not be reached.
    #[error(transparent)]
    Kube(#[from] KubeError),
    /// The Job that was to be made is none.
    #[error("cannot make the Job of {key}: {reason}")]
    Manifest {
        /// The attempt.
        key: String,
        /// What is wrong.
        reason: String,
    },
    /// There is a Job of that name for another request.
    #[error("there is a Job {name} in the namespace {namespace} already, for another request")]
    Conflict {
        /// The Job.
        name: String,
        /// Where it is.
        namespace: String,
    },
    /// No such job.
    #[error("there is no job {id} in the namespace {namespace}")]
    Unknown {
        /// What was asked for.
        id: JobId,
        /// Where it was looked for.
        namespace: String,
    },
    /// It can't start, whatever it is waited for.
    #[error("job {id} can't start: {why}")]
    Hindered {
        /// Which.
        id: JobId,
        /// What keeps it from starting.
        why: EndCause,
    },
    /// What was deleted is still there.
    #[error("not gone after {seconds} s: {left}")]
    Lingers {
        /// What is left.
        left: String,
        /// How long it was waited for.
        seconds: u64,
    },
    /// A log broke off.
    #[error("cannot read the log of pod {pod}: {source}")]
    Log {
        /// The pod.
        pod: String,
        /// What happened.
        source: std::io::Error,
    },
}

/// What to do about a job that can't start.
pub const HINDERED: &str =
    "Correct what it names, cancel the job and submit it again: `csw jobs cancel --on kubernetes ID`";

/// Why something was refused that may be taken later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// It would be refused for any job: there is no answer, too much is asked for at once, a quota is used up.
    ForAll {
        /// When to ask again, if that was said.
        retry_after: Option<Duration>,
    },
    /// It may be refused for this kind of job only: a rule that somebody has to change.
    ForThis,
}

impl RuntimeError {
    /// Whether the same may be taken later: nothing is wrong with the job then.
    pub fn obstacle(&self) -> Option<Obstacle> {
        let error = match self {
            Self::Kube(error) => error,
            // The disk is full, or broken: so it is for every job, until somebody sees to it.
            Self::Io { source, .. } if is_of_disk(source) => {
                return Some(Obstacle::ForAll { retry_after: None });
            }
            _ => return None,
        };
        let Some(refusal) = error.refusal() else {
            return match error {
                KubeError::Unreachable { .. } | KubeError::Login { .. } => {
                    Some(Obstacle::ForAll { retry_after: None })
                }
                _ => None,
            };
        };
        let retry_after = refusal.retry_after.map(Duration::from_secs);
        match refusal.code {
            403 if refusal.message.contains("exceeded quota") => Some(Obstacle::ForAll { retry_after }),
            401 | 408 | 429 | 500.. => Some(Obstacle::ForAll { retry_after }),
            // An account without the right, a namespace that isn't there (any more), a policy.
            403 | 404 => Some(Obstacle::ForThis),
            _ => None,
        }
    }
}

/// Whether it is the disk that refuses.
fn is_of_disk(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{FileTooLarge, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | ReadOnlyFilesystem | FileTooLarge)
}

impl Diagnose for RuntimeError {
    fn exit(&self) -> Exit {
        match self {
            Self::Kube(error) => error.exit(),
            Self::Log { .. } => Exit::Remote,
            Self::Lingers { .. } | Self::Hindered { .. } => Exit::Failed,
            Self::Io { .. }
            | Self::Spawn { .. }
            | Self::Process { .. }
            | Self::Damaged { .. }
            | Self::Manifest { .. }
            | Self::Conflict { .. }
            | Self::Unknown { .. } => Exit::Config,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Kube(error) => error.hints(),
            Self::Unknown { .. } => vec![
                "See which there are: `csw jobs list --on kubernetes`, or choose another namespace with --namespace NAME"
                    .to_owned(),
            ],
            Self::Conflict { name, .. } => {
                vec![format!("Choose another id, or remove it: `csw jobs cancel --on kubernetes {name}`")]
            }
            Self::Hindered { id, .. } => vec![HINDERED.replace("ID", id.as_str())],
            Self::Lingers { .. } => {
                vec!["A node that is gone keeps its pods: see `kubectl get nodes`".to_owned()]
            }
            _ => Vec::new(),
        }
    }
}
