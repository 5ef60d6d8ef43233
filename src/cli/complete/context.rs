use std::path::PathBuf;

use super::words::value_of;
use crate::kube::Access;
use crate::settings::{Overrides, Settings};

/// The settings as the words of the command line have them so far.
pub(super) fn settings(words: &[String]) -> Option<Settings> {
    let of = |option: &str| value_of(words, &[option]);
    let overrides = Overrides {
        scheduler: of("--scheduler"),
        context: of("--context"),
        namespace: of("--namespace"),
        data_dir: of("--data").map(PathBuf::from),
        ..Overrides::default()
    };
    Settings::resolve(overrides, &std::env::current_dir().ok()?).ok()
}

/// The way to the cluster that the words name, without programs that prove who we are: they may ask, or open a browser.
pub(super) fn access(words: &[String], settings: &Settings) -> Access {
    let namespace = settings.namespace.value.clone();
    Access {
        kubeconfig: value_of(words, &["--kubeconfig"]).map(PathBuf::from),
        context: settings.context.value.clone(),
        namespace: Some(namespace.unwrap_or_else(|| settings.kubernetes.namespace.to_string())),
        impersonate: value_of(words, &["--as"]),
        allowed_contexts: settings.allowed_contexts.value.0.clone(),
        unattended: true,
        ..Access::default()
    }
}
