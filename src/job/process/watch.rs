//! Learning that a process which is not our child has ended.

use super::identity::{Fate, ProcessIdentity};
use crate::job::RuntimeError;

/// Returns when the process has ended.
#[cfg(target_os = "linux")]
pub(super) async fn ended(process: &ProcessIdentity) -> Result<(), RuntimeError> {
    use rustix::io::Errno;
    use rustix::process::{Pid, PidfdFlags, pidfd_open};
    use tokio::io::Interest;
    use tokio::io::unix::AsyncFd;

    let error = |source| RuntimeError::Process { what: "watch", pid: process.pid, source };
    let Some(pid) = i32::try_from(process.pid).ok().and_then(Pid::from_raw) else { return Ok(()) };
    let handle = match pidfd_open(pid, PidfdFlags::NONBLOCK) {
        Ok(handle) => handle,
        Err(Errno::SRCH) => return Ok(()),
        Err(e) => return Err(error(e.into())),
    };
    // The handle stays with one process. Is it the one that was meant?
    if process.fate() != Fate::Alive {
        return Ok(());
    }
    // Its successor is unsafe because of types that may lie about their descriptor; an `OwnedFd` does not.
    #[allow(deprecated)]
    let handle = AsyncFd::with_interest(handle, Interest::READABLE).map_err(error)?;
    handle.readable().await.map(drop).map_err(error)
}

/// Returns when the process has ended, within a second.
#[cfg(not(target_os = "linux"))]
pub(super) async fn ended(process: &ProcessIdentity) -> Result<(), RuntimeError> {
    // There is no handle to wait for on these systems without a dependency of its own.
    while process.fate() == Fate::Alive {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
    Ok(())
}
