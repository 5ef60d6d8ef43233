//! How much memory a process and all that it started hold.

use std::time::Duration;

use rustix::process::Pid;

/// The processes that belong to a model.
#[derive(Debug, Clone, Copy)]
pub(super) struct Family {
    root: Option<Pid>,
    /// This process adopts orphans, and has no other children: then what got away from `root` is found too.
    adopts: bool,
}

/// Lets processes that a model's processes leave behind become children of this one, so that they are counted and
/// ended with it. For a process that runs one task and has no other children.
pub fn adopt_orphans() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
}

/// Short enough for a model that fills memory at once, long enough not to slow a short one.
pub(super) fn first_look() -> Duration {
    Duration::from_millis(25)
}

/// When to look again: a process can fill about 2 GB a second, and the memory left must not be gone by then.
pub(super) fn next_look(left: u64) -> Duration {
    Duration::from_millis((left / 2_000_000).clamp(10, 250))
}

#[cfg(target_os = "linux")]
impl Family {
    /// The process and everything below it.
    pub(super) fn of(root: Option<Pid>) -> Self {
        Self { root, adopts: matches!(rustix::process::child_subreaper(), Ok(Some(_))) }
    }

    /// Bytes in memory, or a little more where processes share pages; exact once it would be above `limit`.
    pub(super) fn held(&self, limit: u64) -> u64 {
        let members = self.members();
        let page = procfs::page_size();
        let resident: u64 =
            members.iter().filter_map(|p| p.statm().ok()).map(|m| m.resident.saturating_mul(page)).sum();
        if resident <= limit || members.len() < 2 {
            return resident;
        }
        // Forks share pages, which the sum counts once a process. The kernel can divide them, slowly.
        members.iter().map(|p| proportional(p).unwrap_or(0)).sum()
    }

    /// SIGKILL to members outside of the process group, where they can be told from others.
    pub(super) fn kill(&self) {
        if !self.adopts {
            return;
        }
        // What is forked between listing and killing is found in the next round.
        for _ in 0..10 {
            let members = self.members();
            let mut alive = false;
            for process in &members {
                let dead = process.stat().is_ok_and(|s| matches!(s.state, 'Z' | 'X'));
                if let (false, Some(pid)) = (dead, Pid::from_raw(process.pid())) {
                    alive |= rustix::process::kill_process(pid, rustix::process::Signal::KILL).is_ok();
                }
            }
            if !alive {
                return;
            }
        }
    }

    fn members(&self) -> Vec<procfs::process::Process> {
        let mut todo = match (self.adopts, self.root) {
            (true, _) => children(&procfs::process::Process::myself().ok()),
            (false, Some(root)) => vec![root.as_raw_nonzero().get()],
            (false, None) => Vec::new(),
        };
        let mut found = Vec::new();
        while let Some(pid) = todo.pop() {
            let process = procfs::process::Process::new(pid).ok();
            todo.extend(children(&process));
            found.extend(process);
        }
        found
    }
}

#[cfg(target_os = "linux")]
fn children(process: &Option<procfs::process::Process>) -> Vec<i32> {
    let Some(tasks) = process.as_ref().and_then(|p| p.tasks().ok()) else { return Vec::new() };
    tasks
        .filter_map(|t| t.ok()?.children().ok())
        .flatten()
        .filter_map(|pid| i32::try_from(pid).ok())
        .collect()
}

#[cfg(target_os = "linux")]
fn proportional(process: &procfs::process::Process) -> Option<u64> {
    let rollup = process.smaps_rollup().ok()?;
    let map = rollup.memory_map_rollup.0.first()?;
    map.extension.map.get("Pss").copied()
}

#[cfg(not(target_os = "linux"))]
impl Family {
    /// The process and everything below it.
    pub(super) fn of(root: Option<Pid>) -> Self {
        Self { root, adopts: false }
    }

    /// Unknown outside of Linux: memory limits are not watched there.
    pub(super) fn held(&self, _limit: u64) -> u64 {
        let _ = (self.root, self.adopts);
        0
    }

    /// Nothing: the process group is all that is known.
    pub(super) fn kill(&self) {}
}
