//! Whose container it is: the csw that started it, told apart from a later process with the same id.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Marks a container of a test; its value is the model.
pub(super) const MODEL: &str = "csw.test.model";
/// The machine and process that started it.
const OWNER: &str = "csw.test.owner";
/// When it is long over, in seconds since 1970.
const UNTIL: &str = "csw.test.until";
/// How much longer than its time limit a test may take for getting ready and tidying up.
const SPARE: Duration = Duration::from_secs(3600);

/// The labels of a container that this process starts for a test that takes at most `limit`.
pub(super) fn labels(model: &str, limit: Duration) -> HashMap<String, String> {
    let until = now().saturating_add(limit).saturating_add(SPARE).as_secs();
    HashMap::from([
        (MODEL.to_owned(), model.to_owned()),
        (OWNER.to_owned(), identity(std::process::id()).unwrap_or_default()),
        (UNTIL.to_owned(), until.to_string()),
    ])
}

/// Whether nobody needs a container with these labels any more: its csw is gone, or was to be done long ago.
pub(super) fn is_abandoned(labels: &HashMap<String, String>) -> bool {
    let until = labels.get(UNTIL).and_then(|u| u.parse().ok()).map_or(Duration::ZERO, Duration::from_secs);
    if until < now() {
        return true;
    }
    let Some((machine, process)) = labels.get(OWNER).and_then(|owner| owner.split_once('/')) else {
        return false;
    };
    // Of a process on another machine nothing can be told.
    let here = identity(std::process::id());
    let pid = process.split('/').next().and_then(|pid| pid.parse().ok());
    match (here, pid) {
        (Some(here), Some(pid)) if here.split('/').next() == Some(machine) => {
            identity(pid).as_deref() != labels.get(OWNER).map(String::as_str)
        }
        _ => false,
    }
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// The boot of the machine with the namespace of process ids, the process' id and when it started; `None` where that
/// can't be told. Several containers may share an engine, and each counts its processes from 1.
#[cfg(target_os = "linux")]
fn identity(pid: u32) -> Option<String> {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let namespace = std::fs::read_link("/proc/self/ns/pid").ok()?;
    let stat = procfs::process::Process::new(i32::try_from(pid).ok()?).ok()?.stat().ok()?;
    let alive = !matches!(stat.state, 'Z' | 'X' | 'x');
    alive.then(|| format!("{}+{}/{pid}/{}", boot.trim(), namespace.display(), stat.starttime))
}

#[cfg(not(target_os = "linux"))]
fn identity(_: u32) -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_an_owner_or_time_left_is_left_alone() {
        let mine = labels("A/B", Duration::from_secs(60));
        assert!(!is_abandoned(&mine));
        let changed = |name: &str, value: &str| {
            let mut labels = mine.clone();
            labels.insert(name.to_owned(), value.to_owned());
            labels
        };
        assert!(is_abandoned(&changed(UNTIL, "1000")));
        assert!(!is_abandoned(&changed(OWNER, "another-machine/1/1")));
        if cfg!(target_os = "linux") {
            let boot = mine[OWNER].split('/').next().unwrap().to_owned();
            assert!(is_abandoned(&changed(OWNER, &format!("{boot}/{}/1", std::process::id()))));
            let mut child = std::process::Command::new("true").spawn().unwrap();
            let gone = format!("{boot}/{}/1", child.id());
            child.wait().unwrap();
            assert!(is_abandoned(&changed(OWNER, &gone)));
        }
    }
}
