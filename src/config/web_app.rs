//! The web app's list of models, `GET {CS_URL}/publish/api/`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::build::too_long;
use super::document::{Code, Diagnostic, Source};
use super::repo_url::RepoUrl;
use super::values::is_git_ref;
use crate::model::{ClusterType, Cpu, Memory, ModelName, RepoLocation, Seconds};

/// What the web app knows about a model; what it leaves out or gives as null is `None`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct WebModel {
    pub(super) oneliner: Option<String>,
    pub(super) description: Option<String>,
    pub(super) repo: Option<RepoLocation>,
    pub(super) repo_tag: Option<String>,
    pub(super) latest_tag: Option<String>,
    pub(super) exp_task_time: Option<Seconds>,
    pub(super) cpu: Option<Cpu>,
    pub(super) memory: Option<WebMemory>,
    pub(super) listed: Option<bool>,
    pub(super) cluster_type: Option<ClusterType>,
}

/// `<m>G` and `ceil(1.2·m)G`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct WebMemory {
    pub(super) request: Memory,
    pub(super) limit: Memory,
}

/// The list's good entries, and what is wrong with the others.
#[derive(Debug, Default)]
pub(super) struct WebModels {
    pub(super) models: BTreeMap<ModelName, WebModel>,
    /// With the name of the entry if it has one.
    pub(super) broken: Vec<(Option<ModelName>, Diagnostic)>,
}

/// Reads the web app's answer; `url` is where it came from. An entry that is wrong costs that entry alone; an answer
/// that is no JSON list costs all.
pub(super) fn parse(url: &str, text: &str) -> WebModels {
    let source = Arc::new(Source::new(url, ""));
    let mut found = WebModels::default();
    let whole = |message: String| {
        let mut diagnostic = Diagnostic::whole(Arc::clone(&source), Code::Syntax, message);
        diagnostic.set_help("see that --cs-url names the web app and not a page of it");
        (None, diagnostic)
    };
    let entries = match serde_json::from_str::<Value>(text) {
        Ok(Value::Array(entries)) => entries,
        Ok(_) => {
            found.broken.push(whole("expected a JSON list of models".into()));
            return found;
        }
        Err(e) => {
            found.broken.push(whole(format!("not JSON: {}", crate::expectation::json(&e))));
            return found;
        }
    };
    for (index, entry) in entries.iter().enumerate() {
        let label = label(index, entry);
        let mut reader = Reader { problems: Vec::new() };
        let read = reader.model(entry);
        let name = read.as_ref().map(|(name, _)| name.clone());
        if let (Some((name, model)), true) = (read, reader.problems.is_empty()) {
            if found.models.insert(name.clone(), model).is_none() {
                continue;
            }
            reader.problems.push((Code::NameCollision, "the list has this model twice".into()));
        }
        for (code, problem) in reader.problems {
            let message = format!("{label}: {problem}");
            found.broken.push((name.clone(), Diagnostic::whole(Arc::clone(&source), code, message)));
        }
    }
    found
}

/// "entry 3 (PSLmodels/Tax-Cruncher)"
fn label(index: usize, entry: &Value) -> String {
    let text = |key| entry.get(key).and_then(Value::as_str).unwrap_or("?");
    let short: String = format!("{}/{}", text("owner"), text("title")).chars().take(120).collect();
    format!("entry {} ({short})", index + 1)
}

struct Reader {
    problems: Vec<(Code, String)>,
}

impl Reader {
    fn model(&mut self, entry: &Value) -> Option<(ModelName, WebModel)> {
        let Value::Object(map) = entry else {
            self.problems.push((Code::WrongType, "expected an object".into()));
            return None;
        };
        let name = match (self.text(map, "owner"), self.text(map, "title")) {
            (Some(owner), Some(title)) => ModelName::new(&owner, &title)
                .map_err(|e| self.problems.push((Code::InvalidValue, e.to_string())))
                .ok(),
            (owner, title) => {
                for (key, value) in [("owner", owner), ("title", title)] {
                    if value.is_none() {
                        self.problems.push((Code::MissingKey, format!("`{key}` is missing")));
                    }
                }
                None
            }
        };
        if let Some(reason) = name.as_ref().and_then(too_long) {
            self.problems.push((Code::InvalidValue, reason));
        }
        let model = WebModel {
            oneliner: self.text(map, "oneliner"),
            description: self.text(map, "description"),
            repo: self.text(map, "repo_url").and_then(|t| self.repo(&t)),
            repo_tag: self.text(map, "repo_tag").filter(|t| self.git_ref(t)),
            latest_tag: self.text(map, "latest_tag"),
            exp_task_time: self.parsed(map, "exp_task_time", |t| t.parse().ok(), "a time in seconds"),
            cpu: self.parsed(map, "cpu", |t| whole(t).parse().ok(), "a number of processors"),
            memory: self.parsed(map, "memory", |t| memory(&whole(t)), "a number of gigabytes"),
            listed: self.parsed(map, "listed", |t| t.to_lowercase().parse().ok(), "true or false"),
            cluster_type: self.parsed(map, "cluster_type", cluster_type, "`single-core` or `dask`"),
        };
        Some((name?, model))
    }

    /// A string, or a number or boolean as one. Null and blanks are nothing.
    fn text(&mut self, map: &Map<String, Value>, key: &str) -> Option<String> {
        match map.get(key)? {
            Value::Null => None,
            Value::String(text) => Some(text.trim().to_owned()).filter(|t| !t.is_empty()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(boolean) => Some(boolean.to_string()),
            Value::Array(_) | Value::Object(_) => {
                self.problems.push((Code::WrongType, format!("`{key}`: expected text or a number")));
                None
            }
        }
    }

    fn parsed<T>(
        &mut self,
        map: &Map<String, Value>,
        key: &str,
        parse: impl FnOnce(&str) -> Option<T>,
        expected: &str,
    ) -> Option<T> {
        let text = self.text(map, key)?;
        let value = parse(&text);
        if value.is_none() {
            let short: String = text.chars().take(60).collect();
            self.problems
                .push((Code::InvalidValue, format!("`{key}`: expected {expected}, found `{short}`")));
        }
        value
    }

    /// A path would be one of this machine, which the web app has no business to name.
    fn repo(&mut self, text: &str) -> Option<RepoLocation> {
        match RepoUrl::parse(text) {
            Ok(RepoUrl::Remote(url)) if url.scheme() != "file" => Some(RepoLocation::Git(url)),
            Ok(_) => {
                let problem = "`repo_url`: expected a remote repository, not a path".to_owned();
                self.problems.push((Code::InvalidValue, problem));
                None
            }
            Err(no) => {
                self.problems.push((Code::InvalidValue, format!("`repo_url`: {}", no.reason)));
                None
            }
        }
    }

    fn git_ref(&mut self, text: &str) -> bool {
        let valid = is_git_ref(text);
        if !valid {
            self.problems.push((Code::InvalidValue, "`repo_tag`: expected a branch, tag or commit".into()));
        }
        valid
    }
}

/// `6.0` as `6`: how a database writes a whole number.
fn whole(number: &str) -> String {
    match number.split_once('.') {
        Some((whole, fraction)) if !whole.is_empty() && fraction.bytes().all(|b| b == b'0') => whole.into(),
        _ => number.into(),
    }
}

fn memory(gigabytes: &str) -> Option<WebMemory> {
    if !gigabytes.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return None;
    }
    let request: Memory = format!("{gigabytes}G").parse().ok()?;
    let limit = request.bytes().checked_mul(12)?.div_ceil(10).div_ceil(1_000_000_000);
    Some(WebMemory { request, limit: format!("{limit}G").parse().ok()? })
}

fn cluster_type(text: &str) -> Option<ClusterType> {
    match text {
        "single-core" => Some(ClusterType::SingleCore),
        "dask" => Some(ClusterType::Dask),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bad_entry_costs_that_entry_alone() {
        let text = r#"[
            {"owner": "PSLmodels", "title": "Tax-Cruncher", "repo_url": "https://github.com/PSLmodels/Tax-Cruncher",
             "repo_tag": "master", "latest_tag": null, "exp_task_time": 10, "server_cost": "0.1", "cpu": "1.0",
             "memory": 2.5, "listed": true, "cluster_type": "single-core", "status": "running", "new": {"a": 1}},
            {"owner": "PSLmodels", "title": "OG-USA", "cpu": null, "memory": null, "exp_task_time": "3600"},
            {"owner": "x", "title": "bad memory", "memory": "lots"},
            {"title": "nobody", "repo_url": "/etc", "repo_tag": "--upload-pack=x"},
            7,
            {"owner": "PSLmodels", "title": "OG-USA"}
        ]"#;
        let found = parse("http://web/publish/api/", text);
        let names: Vec<String> = found.models.keys().map(ToString::to_string).collect();
        assert_eq!(names, ["PSLmodels/OG-USA", "PSLmodels/Tax-Cruncher"]);
        let cruncher = &found.models[&"PSLmodels/Tax-Cruncher".parse().unwrap()];
        assert_eq!(cruncher.cpu.as_ref().unwrap().to_string(), "1");
        let memory = cruncher.memory.as_ref().unwrap();
        assert_eq!((memory.request.to_string(), memory.limit.to_string()), ("2.5G".into(), "3G".into()));
        let broken: Vec<String> = found.broken.iter().map(|(_, d)| d.message().to_owned()).collect();
        assert_eq!(
            broken,
            [
                "entry 3 (x/bad memory): invalid model name `x/bad memory`: expected Owner/Title, letters, digits, `-`, `_` and `.` on both sides, as in PSLmodels/Tax-Cruncher",
                "entry 3 (x/bad memory): `memory`: expected a number of gigabytes, found `lots`",
                "entry 4 (?/nobody): `owner` is missing",
                "entry 4 (?/nobody): `repo_url`: expected a remote repository, not a path",
                "entry 4 (?/nobody): `repo_tag`: expected a branch, tag or commit",
                "entry 5 (?/?): expected an object",
                "entry 6 (PSLmodels/OG-USA): the list has this model twice",
            ]
        );
    }

    #[test]
    fn memory_limits_are_a_fifth_above_the_request_rounded_up() {
        for (given, limit) in
            [("1", "2G"), ("5", "6G"), ("6", "8G"), ("15", "18G"), ("0.5", "1G"), ("2.5", "3G")]
        {
            assert_eq!(memory(given).unwrap().limit.to_string(), limit, "{given}");
        }
        for given in ["-1", "0", "many", "1G", "1e3", "", "99999999999999999999"] {
            assert_eq!(memory(given), None, "{given}");
        }
    }

    #[test]
    fn what_is_no_list_is_said_once() {
        for text in ["<html>", "{}", "", "null"] {
            let found = parse("http://web/publish/api/", text);
            assert!(found.models.is_empty());
            assert_eq!(found.broken.len(), 1, "{text}");
        }
    }
}
