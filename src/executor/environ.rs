//! What a model's process finds in its environment: nothing of ours.

use std::collections::BTreeMap;
use std::process::Command;

use secrecy::{ExposeSecret, SecretString};

use super::Launch;

const PASSED: [&str; 8] = ["PATH", "HOME", "LANG", "TMPDIR", "TZ", "USER", "LOGNAME", "SHELL"];

/// Clears the command's environment but for what every program needs; adds the model's variables and its secrets.
pub(super) fn clean_environment(
    command: &mut Command,
    launch: &Launch,
    secrets: &BTreeMap<String, SecretString>,
) {
    command.env_clear();
    for (name, value) in std::env::vars_os() {
        let passed = name.to_str().is_some_and(|n| PASSED.contains(&n) || n.starts_with("LC_"));
        if passed {
            command.env(name, value);
        }
    }
    command.envs(&launch.env);
    for (name, value) in secrets {
        command.env(name, value.expose_secret());
    }
}
