use std::ffi::OsStr;
use std::sync::Arc;

use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use super::context::settings;
use super::in_time;
use super::words::{value_of, words};
use crate::config::{self, Sources};
use crate::executor::environment::{Environments, PrepareProgress};
use crate::model::{JobId, TaskName};
use crate::secret;
use crate::services::dispatch::ModelHost as _;
use crate::services::stack::LocalHost;

/// Completes what `--set` takes: the paths of the parameters of the model that the words before name.
pub(in crate::cli) fn parameter_paths() -> ArgValueCompleter {
    ArgValueCompleter::new(complete)
}

fn complete(typed: &OsStr) -> Vec<CompletionCandidate> {
    // After the `=` is a value, which nobody knows.
    let Some(typed) = typed.to_str().filter(|typed| !typed.contains('=')) else { return Vec::new() };
    let Some(defaults) = ask() else { return Vec::new() };
    let offered = paths(&defaults).into_iter().filter(|(path, _)| path.starts_with(typed));
    offered.map(|(path, title)| CompletionCandidate::new(path).help(title.map(Into::into))).collect()
}

/// What the model answers to `defaults`, if it is ready to be asked.
fn ask() -> Option<Value> {
    let words = words();
    let name = value_of(&words, &["-n", "--name"])?;
    let settings = settings(&words)?;
    let model =
        config::load_valid(&Sources::files(&settings.config_dir.value)).ok()?.find(&name).ok()?.clone();
    let unready = CancellationToken::new();
    let host = LocalHost::new(
        Environments::new(&settings.cache_dir.value, &settings.python.value),
        Arc::new(Unready(unready.clone())),
        secret::open(&settings).ok()?.into(),
        std::time::Duration::ZERO,
    );
    let kwargs = Map::from_iter([("meta_param_dict".to_owned(), Value::Object(Map::new()))]);
    let id = JobId::random();
    in_time(async {
        tokio::select! {
            biased;
            () = unready.cancelled() => None,
            answer = host.answer(&model, &id, TaskName::Defaults, kwargs) => answer.ok()?.outputs,
        }
    })
}

/// Stops where anything would have to be fetched or installed first: nobody asked for that.
struct Unready(CancellationToken);

impl PrepareProgress for Unready {
    fn step(&self, _: &str) {
        self.0.cancel();
    }

    fn detail(&self, _: &str) {}

    fn note(&self, _: &str) {}
}

/// Every parameter as `--set` takes it, up to the `=`, and its title.
fn paths(defaults: &Value) -> Vec<(String, Option<String>)> {
    let object = |at: &str| defaults.get(at).and_then(Value::as_object).into_iter().flatten();
    let sections = object("model_parameters").map(|(section, parameters)| (step(section), parameters));
    let meta = defaults.get("meta_parameters").map(|parameters| ("meta_param_dict".to_owned(), parameters));
    let mut paths = Vec::new();
    for (above, parameters) in sections.chain(meta) {
        for (name, parameter) in parameters.as_object().into_iter().flatten().filter(|(n, _)| *n != "schema")
        {
            let title = parameter.get("title").and_then(Value::as_str).map(str::to_owned);
            paths.push((format!("{above}.{}=", step(name)), title));
        }
    }
    paths
}

/// A name as one step of a path.
fn step(name: &str) -> String {
    name.replace('\\', "\\\\").replace('.', "\\.")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_parameter_has_a_path() {
        let defaults = json!({
            "meta_parameters": {"year": {"title": "Year"}},
            "model_parameters": {"A": {"x": {"title": "X"}, "schema": {}}, "B.C": {"y": {}}},
        });
        let expected = [("A.x=", Some("X")), ("B\\.C.y=", None), ("meta_param_dict.year=", Some("Year"))];
        let expected = expected.map(|(path, title)| (path.to_owned(), title.map(str::to_owned)));
        assert_eq!(paths(&defaults), expected);
    }
}
