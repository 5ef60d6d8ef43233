//! Runs git, pip and the like: never interactive, every line in a log, the last ones in the error.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::Command;

use super::PrepareProgress;
use super::folders::Lock;
use crate::executor::ExecutorError;
use crate::isolation::for_tools;

const DRAIN: Duration = Duration::from_secs(1);
const LAST_LINES: usize = 30;

/// What would lead the tools out of the environment that they work on, or is none of their business. The rest of the
/// user's `PIP_*` and `UV_*` (indexes, proxies, certificates) stays.
pub(super) fn clean(mut command: Command) -> Command {
    const OTHERS: [&str; 8] = [
        "PYTHONPATH",
        "PYTHONHOME",
        "VIRTUAL_ENV",
        "PIP_TARGET",
        "PIP_PREFIX",
        "PIP_ROOT",
        "UV_PROJECT_ENVIRONMENT",
        "UV_SYSTEM_PYTHON",
    ];
    for name in OTHERS {
        command.env_remove(name);
    }
    // A file of pip's may say otherwise.
    command.env("PYTHONNOUSERSITE", "1").env("PIP_NO_COLOR", "1").env("PIP_USER", "0");
    command.envs(crate::http::Proxies::of_process().for_children());
    command
}

/// A call of `pip install` that neither asks nor paints. Not of a `pip` that lies in the folder that it works in.
pub(super) fn pip_install(python: &Path) -> Command {
    let mut pip = Command::new(python);
    pip.args(["-I", "-m", "pip", "install"]);
    pip.args(["--no-input", "--disable-pip-version-check", "--progress-bar", "off"]);
    pip
}

/// Where the tools of one preparation write.
pub(super) struct Tools<'p> {
    log: PathBuf,
    progress: &'p dyn PrepareProgress,
}

impl<'p> Tools<'p> {
    /// Tools that write to `log`, which starts afresh with the first of them.
    pub(super) fn new(log: PathBuf, progress: &'p dyn PrepareProgress) -> Self {
        Self { log, progress }
    }

    /// Who hears about it.
    pub(super) fn progress(&self) -> &'p dyn PrepareProgress {
        self.progress
    }

    /// Runs the command, which works on what `lock` protects, to its end. `what` names the step in errors: "fetch
    /// https://…".
    pub(super) async fn run(
        &self,
        what: &str,
        lock: &Lock,
        mut command: Command,
    ) -> Result<(), ExecutorError> {
        let program = command.as_std().get_program().to_string_lossy().into_owned();
        // Git commands come with what they need.
        if program != "git" {
            for_tools(command.as_std_mut());
        }
        let mut log = self.open_log()?;
        drop(writeln!(log, "# {what}"));
        let cannot = |source| ExecutorError::Tool { what: what.to_owned(), program: program.clone(), source };
        command.stdin(lock.as_stdin().map_err(cannot)?);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().map_err(cannot)?;
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let seen = std::sync::Mutex::new((log, VecDeque::new()));
        let status = {
            let follow = async { tokio::join!(self.follow(out, &seen), self.follow(err, &seen)) };
            tokio::pin!(follow);
            tokio::select! {
                biased;
                _ = &mut follow => child.wait().await,
                status = child.wait() => {
                    // A connection that ssh keeps for later holds the pipe for as long.
                    drop(tokio::time::timeout(DRAIN, follow).await);
                    status
                }
            }
        };
        let status = status.map_err(cannot)?;
        if status.success() {
            return Ok(());
        }
        let (_, last) = seen.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        Err(ExecutorError::Step {
            what: what.to_owned(),
            program,
            exit: crate::executor::describe_exit(status),
            last: last.into_iter().collect::<Vec<_>>().join("\n"),
            log: self.log.clone(),
        })
    }

    async fn follow(
        &self,
        pipe: Option<impl AsyncRead + Unpin>,
        seen: &std::sync::Mutex<(File, VecDeque<String>)>,
    ) {
        let Some(pipe) = pipe else { return };
        let mut lines = BufReader::new(pipe);
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line).await.is_ok_and(|n| n > 0) {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            line.clear();
            let mut seen = seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            drop(writeln!(seen.0, "{text}"));
            // Git's progress rewrites its line.
            let shown = text.rsplit('\r').next().unwrap_or_default().trim();
            if !shown.is_empty() {
                self.progress.detail(shown);
                if seen.1.len() == LAST_LINES {
                    seen.1.pop_front();
                }
                seen.1.push_back(shown.to_owned());
            }
        }
    }

    fn open_log(&self) -> Result<File, ExecutorError> {
        let open = || {
            std::fs::create_dir_all(self.log.parent().unwrap_or(Path::new("")))?;
            File::options().create(true).append(true).open(&self.log)
        };
        open().map_err(|e| ExecutorError::io(&self.log, e))
    }
}
