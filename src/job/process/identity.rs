//! Which process is meant by a process id that was written down earlier.

use std::path::Path;

use serde::{Deserialize, Serialize};

/// A process, told apart from a later one with the same id by when it started, and from one before a restart of the
/// machine by the kernel's boot id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ProcessIdentity {
    pub(super) pid: u32,
    pub(super) started: u64,
    pub(super) boot: String,
}

/// What became of a process that was written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Alive,
    Gone,
    /// With the machine.
    MachineLost,
}

impl ProcessIdentity {
    /// The identity of a process that can't end meanwhile: a child that was not waited for.
    pub(super) fn of_child(pid: u32) -> Self {
        Self { pid, started: start_time(pid).unwrap_or(0), boot: boot_id() }
    }

    pub(super) fn fate(&self) -> Fate {
        if self.boot != boot_id() {
            Fate::MachineLost
        } else if start_time(self.pid).is_some_and(|started| started == self.started) {
            Fate::Alive
        } else {
            Fate::Gone
        }
    }
}

#[cfg(target_os = "linux")]
fn boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map(|id| id.trim().to_owned())
        .unwrap_or_default()
}

/// When a process that lives (a zombie does not) started, in clock ticks since the machine did.
#[cfg(target_os = "linux")]
fn start_time(pid: u32) -> Option<u64> {
    let stat = procfs::process::Process::new(i32::try_from(pid).ok()?).ok()?.stat().ok()?;
    (!matches!(stat.state, 'Z' | 'X' | 'x')).then_some(stat.starttime)
}

/// The executor of the attempt in `folder`, looked for among all processes. Only needed when a crash came between
/// starting an executor and writing down its identity.
#[cfg(target_os = "linux")]
pub(super) fn find_executor(folder: &Path) -> Option<ProcessIdentity> {
    for process in procfs::process::all_processes().ok()?.flatten() {
        // Of its environment nobody sees anything.
        let Ok(arguments) = process.cmdline() else { continue };
        let mut pairs = arguments.iter().zip(arguments.iter().skip(1));
        if pairs.any(|(flag, value)| flag == "--job-dir" && Path::new(value) == folder) {
            let pid = u32::try_from(process.pid).ok()?;
            return Some(ProcessIdentity { pid, started: start_time(pid)?, boot: boot_id() });
        }
    }
    None
}

// Without /proc a process is known by its id alone.

#[cfg(not(target_os = "linux"))]
fn boot_id() -> String {
    String::new()
}

#[cfg(not(target_os = "linux"))]
fn start_time(pid: u32) -> Option<u64> {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).ok()?)?;
    rustix::process::test_kill_process(pid).ok().map(|()| 0)
}

#[cfg(not(target_os = "linux"))]
pub(super) fn find_executor(_folder: &Path) -> Option<ProcessIdentity> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recycled_process_id_is_not_mistaken() {
        let us = ProcessIdentity::of_child(std::process::id());
        assert_eq!(us.fate(), Fate::Alive);
        assert_eq!(ProcessIdentity { started: us.started + 1, ..us.clone() }.fate(), Fate::Gone);
        assert_eq!(ProcessIdentity { boot: "another".into(), ..us }.fate(), Fate::MachineLost);
    }

    #[test]
    fn a_process_that_nobody_waited_for_is_gone() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let identity = ProcessIdentity::of_child(child.id());
        assert_eq!(identity.fate(), Fate::Alive);
        child.kill().unwrap();
        // Not reaped yet, so its id can't be another's; the kernel may take a moment to end it.
        while identity.fate() == Fate::Alive {
            std::thread::yield_now();
        }
        assert_eq!(identity.fate(), Fate::Gone);
        child.wait().unwrap();
    }
}
