//! What a model's process finds in its environment: nothing of ours.

use std::collections::BTreeMap;
use std::io;
use std::process::Command;

use secrecy::{ExposeSecret, SecretString};

use super::Launch;
use crate::isolation::{Confinement, Scratch};

const PASSED: [&str; 8] = ["PATH", "HOME", "LANG", "TMPDIR", "TZ", "USER", "LOGNAME", "SHELL"];

/// The folder that is a launch's own, if it is kept to one.
pub(super) fn scratch(launch: &Launch) -> io::Result<Option<Scratch>> {
    launch.confinement.as_ref().map(Confinement::scratch).transpose()
}

/// The command as it is really run: with nothing but what is the launch's own.
pub(super) fn confined(command: Command, launch: &Launch, scratch: Option<&Scratch>) -> io::Result<Command> {
    match (&launch.confinement, scratch) {
        (Some(confinement), Some(scratch)) => confinement.confine(&command, scratch),
        _ => Ok(command),
    }
}

/// Clears the command's environment but for what every program needs; adds the folder of its own, the model's variables
/// and its secrets.
pub(super) fn clean_environment(
    command: &mut Command,
    launch: &Launch,
    secrets: &BTreeMap<String, SecretString>,
    scratch: Option<&Scratch>,
) {
    command.env_clear();
    for (name, value) in std::env::vars_os() {
        let passed = name.to_str().is_some_and(|n| PASSED.contains(&n) || n.starts_with("LC_"));
        if passed {
            command.env(name, value);
        }
    }
    if let Some(scratch) = scratch {
        command.envs(scratch.variables());
    }
    command.envs(&launch.env);
    for (name, value) in secrets {
        command.env(name, value.expose_secret());
    }
}
