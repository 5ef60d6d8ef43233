use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use crate::executor::ExecutorError;
use crate::isolation::for_tools;

/// A Python that environments are made with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Interpreter {
    /// The program itself, not a wrapper that looks for it at every start.
    pub(super) path: PathBuf,
    /// Major and minor version.
    pub(super) version: (u32, u32),
    /// As it tells itself, `3.11.7`.
    pub(super) full_version: String,
    /// The folders that it is installed in.
    pub(super) prefixes: Vec<PathBuf>,
}

/// The oldest Python that the harness runs on.
const OLDEST: (u32, u32) = (3, 8);

impl Interpreter {
    /// Asks `program` (a name on PATH, or a path) what it is.
    pub(super) async fn find(program: &str) -> Result<Self, ExecutorError> {
        let wrong = |reason: String| ExecutorError::Python { program: program.to_owned(), reason };
        let script = "import sys;print(sys.executable);print('%d.%d.%d'%sys.version_info[:3]);\
                      print(sys.base_prefix);print(sys.base_exec_prefix)";
        let mut command = std::process::Command::new(program);
        command.args(["-I", "-S", "-c", script]);
        for_tools(&mut command);
        let output = Command::from(command).stdin(Stdio::null()).output().await.map_err(|e| {
            wrong(if e.kind() == std::io::ErrorKind::NotFound { "not found".into() } else { e.to_string() })
        })?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut lines = text.lines();
        match (output.status.success(), lines.next(), lines.next()) {
            (true, Some(path), Some(full)) if Path::new(path).is_absolute() => {
                let mut numbers = full.split('.').filter_map(|n| n.parse().ok());
                let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
                if version < OLDEST {
                    return Err(wrong(format!("it is Python {full}; models need 3.8 or later")));
                }
                let mut prefixes: Vec<PathBuf> =
                    lines.map(PathBuf::from).filter(|p| p.parent().is_some()).collect();
                prefixes.dedup();
                Ok(Self { path: path.into(), version, full_version: full.to_owned(), prefixes })
            }
            _ => Err(wrong(format!(
                "it does not run: {}",
                String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or("no output")
            ))),
        }
    }
}
