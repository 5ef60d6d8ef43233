/// Hides this process's environment and memory, where tokens are, from other processes of the same user, and keeps
/// them out of core dumps. A program that is started from here shows its own again.
pub fn keep_to_itself() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}
