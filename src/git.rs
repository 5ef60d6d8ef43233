//! The user's own git, which has their credentials, proxies and host keys.

use std::process::{Command, Stdio};

/// A git command that asks nobody anything and takes no lock that it can do without.
pub fn command() -> Command {
    let mut command = Command::new("git");
    command.env("GIT_TERMINAL_PROMPT", "0").env("GIT_OPTIONAL_LOCKS", "0").env("LC_ALL", "C");
    // Set by git itself for its hooks; they would point every command at the repository that a hook runs in.
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR"] {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}
