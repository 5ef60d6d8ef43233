//! A model's process: its own process group, its limits, its end.

use std::future::Future;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::pin::pin;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Child;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::memory::{self, Family};

/// What is still in a pipe after its writer exited is there at once; only a process that got away keeps it open.
const DRAIN: Duration = Duration::from_secs(1);
/// How long an interpreter may take to shut down after it answered.
const SHUTDOWN: Duration = Duration::from_secs(5);

/// Limits of one request.
#[derive(Debug, Clone)]
pub(super) struct Limits {
    pub(super) memory: Option<u64>,
    pub(super) time: Option<Duration>,
    pub(super) grace: Duration,
    pub(super) cancel: CancellationToken,
}

/// How the wait for a model ended.
#[derive(Debug)]
pub(super) enum Ended<T> {
    /// It answered.
    Done(T),
    /// It exited, and what it had written until then is no answer.
    Exited(ExitStatus),
    /// It closed its side of the conversation and went on.
    Silent,
    /// It was ended because its time was over.
    OutOfTime(Duration),
    /// It was ended because it held so many bytes.
    OutOfMemory { held: u64, limit: u64 },
    /// It was ended because somebody asked for it.
    Cancelled,
}

/// A running process with everything that it started. Nothing of it survives the value.
pub(super) struct ModelProcess {
    child: Child,
    group: Option<Pid>,
    family: Family,
}

impl ModelProcess {
    /// Starts the command in a process group of its own.
    pub(super) fn spawn(mut command: Command) -> io::Result<Self> {
        use std::os::unix::process::CommandExt;
        command.process_group(0);
        let child = tokio::process::Command::from(command).kill_on_drop(true).spawn()?;
        #[cfg(target_os = "linux")]
        if let Some(id) = child.id() {
            // Where memory runs out for all, the model has to go, not whoever watches it. Raising is always allowed.
            drop(std::fs::write(format!("/proc/{id}/oom_score_adj"), "500"));
        }
        let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        Ok(Self { child, group, family: Family::of(group) })
    }

    /// The process, for what belongs to it.
    pub(super) fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Bytes that the process and what it started hold; exact once it is above `limit`.
    pub(super) fn held(&self, limit: u64) -> u64 {
        self.family.held(limit)
    }

    /// Whether it has not exited yet.
    pub(super) fn lives(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits for `work` within the limits. With `until_exit` the answer counts only once the process has exited.
    pub(super) async fn supervise<T>(
        &mut self,
        work: impl Future<Output = io::Result<T>>,
        limits: &Limits,
        until_exit: bool,
    ) -> Ended<T> {
        let started = Instant::now();
        let far = started + Duration::from_secs(366 * 86_400);
        let deadline = limits.time.and_then(|t| started.checked_add(t)).unwrap_or(far);
        let mut drained = far;
        let mut look = memory::first_look();
        let mut answer = None;
        let mut exited = None;
        let mut work = pin!(work);
        loop {
            tokio::select! {
                biased;
                result = &mut work, if answer.is_none() => match result {
                    Ok(value) if !until_exit || exited.is_some() => return Ended::Done(value),
                    Ok(value) => answer = Some(value),
                    Err(_) => return match timeout(DRAIN, self.child.wait()).await {
                        Ok(Ok(status)) => Ended::Exited(status),
                        _ => {
                            self.kill();
                            Ended::Silent
                        }
                    },
                },
                status = self.child.wait(), if exited.is_none() => {
                    let Ok(status) = status else { return Ended::Silent };
                    match answer {
                        Some(value) => return Ended::Done(value),
                        None => {
                            exited = Some(status);
                            drained = Instant::now() + DRAIN;
                        }
                    }
                }
                () = limits.cancel.cancelled() => {
                    self.terminate(limits.grace).await;
                    return Ended::Cancelled;
                }
                () = sleep_until(deadline) => {
                    self.terminate(limits.grace).await;
                    return Ended::OutOfTime(limits.time.unwrap_or_default());
                }
                () = sleep_until(drained) => {
                    if let Some(status) = exited {
                        return Ended::Exited(status);
                    }
                }
                () = tokio::time::sleep(look), if limits.memory.is_some() => {
                    let limit = limits.memory.unwrap_or(u64::MAX);
                    match self.family.held(limit) {
                        held if held > limit => {
                            self.kill();
                            return Ended::OutOfMemory { held, limit };
                        }
                        held => look = memory::next_look(limit - held),
                    }
                }
            }
        }
    }

    /// Waits for the exit of a process that has answered, and ends what it left behind.
    pub(super) async fn finish(mut self, limits: &Limits) {
        tokio::select! {
            _ = timeout(SHUTDOWN, self.child.wait()) => {}
            () = limits.cancel.cancelled() => {}
        }
        self.kill();
        drop(self.child.wait().await);
    }

    /// How it exited, if it has.
    pub(super) async fn exit_status(&mut self) -> Option<ExitStatus> {
        timeout(DRAIN, self.child.wait()).await.ok()?.ok()
    }

    /// SIGTERM to the group, the grace period, SIGKILL.
    async fn terminate(&mut self, grace: Duration) {
        self.signal(Signal::TERM);
        drop(timeout(grace, self.child.wait()).await);
        self.kill();
        drop(self.child.wait().await);
    }

    /// SIGKILL to everything.
    pub(super) fn kill(&self) {
        self.signal(Signal::KILL);
        self.family.kill();
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.group {
            // It is no error that nobody is left.
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for ModelProcess {
    fn drop(&mut self) {
        self.kill();
    }
}

/// How a process exited, in words: `with exit code 3`, `by signal SIGSEGV (segmentation fault)`.
pub(crate) fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("with exit code {code}"),
        (None, Some(number)) => match SIGNALS.iter().find(|(n, _, _)| *n == number) {
            Some((_, name, meaning)) => format!("by signal {name} ({meaning})"),
            None => format!("by signal {number}"),
        },
        (None, None) => "in an unknown way".to_owned(),
    }
}

const SIGNALS: [(i32, &str, &str); 13] = [
    (1, "SIGHUP", "hangup"),
    (2, "SIGINT", "interrupt"),
    (3, "SIGQUIT", "quit"),
    (4, "SIGILL", "illegal instruction: compiled for another processor?"),
    (5, "SIGTRAP", "trap"),
    (6, "SIGABRT", "abort"),
    (7, "SIGBUS", "bus error"),
    (8, "SIGFPE", "arithmetic error"),
    (9, "SIGKILL", "killed: by the kernel because memory ran out, or by somebody"),
    (11, "SIGSEGV", "segmentation fault: a bug in compiled code"),
    (13, "SIGPIPE", "wrote to a closed pipe"),
    (15, "SIGTERM", "terminated by somebody"),
    (24, "SIGXCPU", "processor time limit"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exits_are_described_in_words() {
        assert_eq!(describe(ExitStatus::from_raw(3 << 8)), "with exit code 3");
        assert!(describe(ExitStatus::from_raw(11)).starts_with("by signal SIGSEGV (segmentation fault"));
        assert_eq!(describe(ExitStatus::from_raw(64)), "by signal 64");
    }
}
