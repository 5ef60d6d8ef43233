use crate::error::{Diagnose, Exit};

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
}

impl Diagnose for RuntimeError {
    fn exit(&self) -> Exit {
        match self {
            Self::Io { .. } | Self::Spawn { .. } | Self::Process { .. } | Self::Damaged { .. } => {
                Exit::Config
            }
        }
    }
}
