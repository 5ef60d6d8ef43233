//! Signals to executors and to what they started.

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::job::RuntimeError;

/// Asks the executor itself to end; it passes that on to the model and waits for it.
pub(super) fn terminate(pid: u32) -> Result<(), RuntimeError> {
    let Some(target) = target(pid) else { return Ok(()) };
    gone_is_fine(kill_process(target, Signal::TERM)).map_err(|e| error(pid, e))
}

/// Ends the executor and everything below it. The model may have made process groups of its own, so the tree is
/// walked before its root goes and leaves orphans that nobody can find.
pub(super) fn kill_tree(pid: u32) -> Result<(), RuntimeError> {
    let below = descendants(pid);
    kill_group(pid)?;
    for (child, started) in below {
        if let Some(target) = target(child).filter(|_| still(child, started)) {
            gone_is_fine(kill_process(target, Signal::KILL)).map_err(|e| error(child, e))?;
        }
    }
    Ok(())
}

/// Ends what is left of an executor's process group.
pub(super) fn kill_group(pid: u32) -> Result<(), RuntimeError> {
    let Some(group) = target(pid) else { return Ok(()) };
    gone_is_fine(kill_process_group(group, Signal::KILL)).map_err(|e| error(pid, e))
}

fn target(pid: u32) -> Option<Pid> {
    // 0 and 1 would mean our own group and everybody.
    i32::try_from(pid).ok().filter(|pid| *pid > 1).and_then(Pid::from_raw)
}

fn gone_is_fine(outcome: Result<(), Errno>) -> Result<(), Errno> {
    match outcome {
        Err(Errno::SRCH) => Ok(()),
        other => other,
    }
}

fn error(pid: u32, errno: Errno) -> RuntimeError {
    RuntimeError::Process { what: "signal", pid, source: errno.into() }
}

/// Processes below `root` with their start times.
#[cfg(target_os = "linux")]
fn descendants(root: u32) -> Vec<(u32, u64)> {
    let Ok(all) = procfs::process::all_processes() else { return Vec::new() };
    let stats: Vec<_> = all.flatten().filter_map(|p| p.stat().ok()).collect();
    let mut found: Vec<(u32, u64)> = Vec::new();
    let mut parents = vec![root];
    while let Some(parent) = parents.pop() {
        for stat in stats.iter().filter(|s| u32::try_from(s.ppid) == Ok(parent)) {
            if let Ok(pid) = u32::try_from(stat.pid) {
                found.push((pid, stat.starttime));
                parents.push(pid);
            }
        }
    }
    found
}

#[cfg(target_os = "linux")]
fn still(pid: u32, started: u64) -> bool {
    i32::try_from(pid)
        .ok()
        .and_then(|pid| procfs::process::Process::new(pid).ok()?.stat().ok())
        .is_some_and(|stat| stat.starttime == started)
}

#[cfg(not(target_os = "linux"))]
fn descendants(_root: u32) -> Vec<(u32, u64)> {
    Vec::new()
}

#[cfg(not(target_os = "linux"))]
fn still(_pid: u32, _started: u64) -> bool {
    false
}
