//! What a process gives up before it becomes a model's.

use std::io;
use std::path::PathBuf;

use super::Grants;
use crate::error::{Diagnose, Exit};

/// Why a process can't be confined.
#[derive(Debug, thiserror::Error)]
pub enum LauncherError {
    /// The kernel refused to take rights away.
    #[error("cannot give up {what}: {source}")]
    GiveUp {
        /// Which.
        what: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// The kernel refused a rule.
    #[error("cannot be kept to its own files: {reason}")]
    Rules {
        /// Its reason.
        reason: String,
    },
    /// What is to be started is not there any more.
    #[error("cannot start {}: {source}", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

impl Diagnose for LauncherError {
    fn exit(&self) -> Exit {
        Exit::Config
    }
}

/// Gives up, for good and for all that this process will start: privileges of root and of set-uid programs, files that
/// it was started with open besides stdin, stdout and stderr, core dumps, and every file and process that `grants` and
/// the system's own do not open. As much of it as the kernel can. For a process with one thread that is about to exec.
///
/// # Errors
/// When the kernel can and refuses.
#[cfg(target_os = "linux")]
pub fn enter(grants: &Grants) -> Result<(), LauncherError> {
    linux::close_files();
    linux::limit()?;
    linux::restrict(grants)?;
    linux::drop_privileges()
}

/// Nothing here: see [`not_enforced`].
///
/// # Errors
/// None.
#[cfg(not(target_os = "linux"))]
pub fn enter(_grants: &Grants) -> Result<(), LauncherError> {
    Ok(())
}

/// Why the kernel does not keep processes to their own files here, if it does not.
pub fn not_enforced() -> Option<&'static str> {
    #[cfg(target_os = "linux")]
    return (!linux::has_landlock())
        .then_some("this kernel has no Landlock (Linux 5.13 or later, `lsm=landlock,…`)");
    #[cfg(not(target_os = "linux"))]
    Some("only Linux can")
}

#[cfg(target_os = "linux")]
mod linux {
    use std::io;
    use std::path::Path;

    use landlock::{
        ABI, Access as _, AccessFs, BitFlags, CompatLevel, Compatible as _, PathBeneath, PathFd, Ruleset,
        RulesetAttr as _, RulesetCreated, RulesetCreatedAttr as _, RulesetError, Scope, make_bitflags,
    };
    use rustix::process::{Resource, Rlimit, setrlimit};
    use rustix::thread::{
        CapabilitySet, CapabilitySets, clear_ambient_capability_set, remove_capability_from_bounding_set,
        set_capabilities, set_no_new_privs,
    };

    use super::LauncherError;
    use crate::isolation::grants::{Access, Grants};
    use crate::isolation::system;

    /// What is asked for; a kernel that knows less does what it knows.
    const KNOWN: ABI = ABI::V6;

    pub(super) fn has_landlock() -> bool {
        let oldest = Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
        oldest.handle_access(AccessFs::from_all(ABI::V1)).and_then(Ruleset::create).is_ok()
    }

    /// Whoever started csw may have left files open in it.
    pub(super) fn close_files() {
        let Ok(open) = std::fs::read_dir("/proc/self/fd") else { return };
        let open: Vec<i32> =
            open.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
        for file in open.into_iter().filter(|file| *file > 2) {
            // The folder that was just read is one of them, and closed already.
            let _ = nix::unistd::close(file);
        }
    }

    pub(super) fn limit() -> Result<(), LauncherError> {
        // A core dump would hold the model's secrets.
        let none = Rlimit { current: Some(0), maximum: Some(0) };
        setrlimit(Resource::Core, none).map_err(give_up("core dumps"))
    }

    pub(super) fn drop_privileges() -> Result<(), LauncherError> {
        set_no_new_privs(true).map_err(give_up("new privileges"))?;
        // Not for those who may not, or on kernels that know fewer: they have none, or none that the next line misses.
        for capability in CapabilitySet::all().iter() {
            let _ = remove_capability_from_bounding_set(capability);
        }
        let _ = clear_ambient_capability_set();
        let none = CapabilitySet::empty();
        set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })
            .map_err(give_up("capabilities"))
    }

    fn give_up(what: &'static str) -> impl Fn(rustix::io::Errno) -> LauncherError {
        move |errno| LauncherError::GiveUp { what, source: io::Error::from(errno) }
    }

    pub(super) fn restrict(grants: &Grants) -> Result<(), LauncherError> {
        let refused = |e: RulesetError| LauncherError::Rules { reason: e.to_string() };
        let files = AccessFs::from_all(KNOWN);
        let rules = Ruleset::default()
            .handle_access(files)
            .and_then(|rules| rules.scope(Scope::from_all(KNOWN)))
            .and_then(Ruleset::create)
            .map_err(refused)?;
        let status = open_all(rules, grants).and_then(RulesetCreated::restrict_self).map_err(refused)?;
        tracing::debug!("Landlock: {:?}, {:?}", status.ruleset, status.landlock);
        Ok(())
    }

    fn open_all(mut rules: RulesetCreated, grants: &Grants) -> Result<RulesetCreated, RulesetError> {
        let everything = AccessFs::from_all(KNOWN);
        let read = AccessFs::from_read(KNOWN);
        let device = make_bitflags!(AccessFs::{ReadFile | WriteFile | IoctlDev});
        // Without the right to list, segments of others can't be found: their names are random.
        let shared = make_bitflags!(AccessFs::{ReadFile | WriteFile | MakeReg | RemoveFile | Truncate});
        let write = everything & !make_bitflags!(AccessFs::{MakeChar | MakeBlock});
        for path in system::readable() {
            rules = allow(rules, &path, read)?;
        }
        for path in system::devices() {
            rules = allow(rules, &path, device | AccessFs::ReadDir)?;
        }
        rules = allow(rules, Path::new(system::SHARED_MEMORY), shared)?;
        for (path, access) in grants.rules() {
            let access = match access {
                Access::List => AccessFs::ReadDir.into(),
                Access::Read => read,
                Access::Write => write,
            };
            rules = allow(rules, &path, access)?;
        }
        Ok(rules)
    }

    /// Opens `path`; one that is not there any more, or may not be looked at, stays closed.
    fn allow(
        rules: RulesetCreated,
        path: &Path,
        access: BitFlags<AccessFs>,
    ) -> Result<RulesetCreated, RulesetError> {
        let Ok(file) = PathFd::new(path) else { return Ok(rules) };
        let access = if path.is_dir() { access } else { access & AccessFs::from_file(KNOWN) };
        rules.add_rule(PathBeneath::new(file, access))
    }
}
