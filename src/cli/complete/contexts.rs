use std::ffi::OsStr;

use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};

use super::context::{access, settings};
use super::words::words;

/// Completes the contexts of the kubeconfig that csw may touch.
pub(in crate::cli) fn context_names() -> ArgValueCompleter {
    ArgValueCompleter::new(complete)
}

fn complete(typed: &OsStr) -> Vec<CompletionCandidate> {
    let (Some(typed), words) = (typed.to_str(), words()) else { return Vec::new() };
    let Some(settings) = settings(&words) else { return Vec::new() };
    let contexts = access(&words, &settings).contexts().unwrap_or_default();
    contexts.into_iter().filter(|name| name.starts_with(typed)).map(CompletionCandidate::new).collect()
}
