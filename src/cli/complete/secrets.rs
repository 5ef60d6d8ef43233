use std::collections::BTreeSet;
use std::ffi::OsStr;

use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};

use super::context::settings;
use super::in_time;
use super::words::{value_of, words};
use crate::model::ModelName;
use crate::secret::{self, Scope};

/// Completes the names of the secrets of the scope that the words before name, where no passphrase protects them.
pub(in crate::cli) fn secret_names() -> ArgValueCompleter {
    ArgValueCompleter::new(complete)
}

fn complete(typed: &OsStr) -> Vec<CompletionCandidate> {
    let Some(typed) = typed.to_str() else { return Vec::new() };
    let names = ask().unwrap_or_default();
    names.into_iter().filter(|name| name.starts_with(typed)).map(CompletionCandidate::new).collect()
}

fn ask() -> Option<BTreeSet<String>> {
    let words = words();
    let settings = settings(&words)?;
    let scopes: Vec<Scope> = if words.iter().any(|word| word == "models") {
        let named = value_of(&words, &["-n", "--names"])?;
        let names = named.split(',').map(|name| name.trim().parse::<ModelName>().ok());
        names.map(|name| name.map(Scope::Model)).collect::<Option<_>>()?
    } else {
        vec![Scope::Cluster]
    };
    let kept = secret::open(&settings).ok()?;
    let entries = in_time(async { kept.entries_of(&scopes).await.ok() })?;
    Some(entries.iter().flat_map(|of| of.keys().map(|name| name.as_str().to_owned())).collect())
}
