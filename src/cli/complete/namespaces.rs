use std::ffi::OsStr;

use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use serde_json::Value;

use super::context::{access, settings};
use super::words::words;
use super::{MOST, in_time};

/// Completes the namespaces of the cluster that the words before name.
pub(in crate::cli) fn namespace_names() -> ArgValueCompleter {
    ArgValueCompleter::new(complete)
}

fn complete(typed: &OsStr) -> Vec<CompletionCandidate> {
    let Some(typed) = typed.to_str() else { return Vec::new() };
    let names = ask().unwrap_or_default();
    names.into_iter().filter(|name| name.starts_with(typed)).map(CompletionCandidate::new).collect()
}

fn ask() -> Option<Vec<String>> {
    let words = words();
    let access = access(&words, &settings(&words)?);
    in_time(async {
        let cluster = access.connect().await.ok()?;
        let path = format!("/api/v1/namespaces?limit={MOST}");
        let list = cluster.get_path(&path, "list namespaces").await.ok()?;
        let items = list.get("items").and_then(Value::as_array)?;
        let name = |item: &Value| Some(item.pointer("/metadata/name")?.as_str()?.to_owned());
        Some(items.iter().filter_map(name).collect())
    })
}
