use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use serde_json::{Map, Value};

use crate::cli::complete::parameter_paths;
use crate::error::Failure;
use crate::model::{TaskKwargs, TaskName, numbers};
use crate::text;

/// The two parts of a simulation's inputs.
pub(super) const PARTS: [&str; 2] = ["meta_param_dict", "adjustment"];

/// What a model is run with.
#[derive(Debug, Args)]
pub(super) struct InputArgs {
    /// JSON file with `meta_param_dict` and `adjustment`, both optional; `-` reads stdin
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,

    /// Set one value: SECTION.PARAMETER as `--task defaults` lists them (or meta_param_dict.PARAMETER), and JSON or else
    /// text; may be given several times
    #[arg(long, value_name = "PATH=VALUE", add = parameter_paths())]
    set: Vec<String>,
}

impl InputArgs {
    pub(super) fn is_empty(&self) -> bool {
        self.input.is_none() && self.set.is_empty()
    }

    /// The arguments for `task`; parts that nobody gave are empty.
    pub(super) fn kwargs(self, task: TaskName) -> anyhow::Result<TaskKwargs> {
        let mut kwargs = match &self.input {
            Some(path) => {
                let text = read(path)?;
                let shown =
                    if path == Path::new("-") { "stdin".to_owned() } else { path.display().to_string() };
                let value: Value = numbers::from_str(&text).map_err(|e| {
                    Failure::config(format!("{shown} is not JSON: {}", crate::expectation::json(&e)))
                })?;
                parts(value).map_err(|why| Failure::config(format!("{shown}: {why}")))?
            }
            None => Map::new(),
        };
        let problems: Vec<String> = self.set.iter().filter_map(|s| assign(&mut kwargs, s).err()).collect();
        if !problems.is_empty() {
            return Err(Failure::usage(problems.join("; ")).into());
        }
        Ok(complete(kwargs, task))
    }
}

/// The text of a file or, for `-`, of stdin.
pub(super) fn read(path: &Path) -> anyhow::Result<String> {
    if path == Path::new("-") {
        let mut bytes = Vec::new();
        let read = std::io::stdin().lock().read_to_end(&mut bytes).and_then(|_| text::decoded(bytes));
        return read.context("cannot read stdin");
    }
    text::read(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Takes apart `{meta_param_dict?, adjustment?}`.
pub(super) fn parts(value: Value) -> Result<TaskKwargs, String> {
    let Value::Object(object) = value else {
        return Err(format!("expected a JSON object with {}", PARTS.join(" and ")));
    };
    for (name, part) in &object {
        if !PARTS.contains(&name.as_str()) {
            return Err(format!("unknown key `{name}`: expected {}", PARTS.join(" and ")));
        }
        if !part.is_object() {
            return Err(format!("`{name}` must be a JSON object"));
        }
    }
    Ok(object)
}

/// Adds what nobody gave, so that saying nothing and saying `{}` are the same inputs.
pub(super) fn complete(mut kwargs: TaskKwargs, task: TaskName) -> TaskKwargs {
    let wanted: &[&str] = match task {
        TaskName::Version => &[],
        TaskName::Defaults => &PARTS[..1],
        TaskName::Parse => &["meta_param_dict", "adjustment", "errors_warnings"],
        TaskName::Sim => &PARTS,
    };
    kwargs.retain(|name, _| wanted.contains(&name.as_str()));
    for name in wanted {
        kwargs.entry(*name).or_insert_with(|| Value::Object(Map::new()));
    }
    kwargs
}

/// The steps of a path, and the value after it. A backslash takes the meaning from what follows it: `a\\.b` is one step, and
/// `a\\=b` no end of the path.
fn steps_of(text: &str) -> Option<(Vec<String>, &str)> {
    let mut steps = vec![String::new()];
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        let literal = match c {
            '=' => {
                let steps = steps.iter().map(|step| step.trim().to_owned()).collect();
                return Some((steps, text.get(at + 1..)?));
            }
            '.' => {
                steps.push(String::new());
                continue;
            }
            '\\' => chars.next().map_or(c, |(_, next)| next),
            c => c,
        };
        if let Some(step) = steps.last_mut() {
            step.push(literal);
        }
    }
    None
}

/// JSON, or else text.
fn value_of(text: &str) -> Result<Value, String> {
    let trimmed = text.trim();
    match numbers::from_str(text) {
        Ok(value) => Ok(value),
        Err(_) if numbers::is_number(trimmed) => {
            Err("the number is larger than any that models compute with".into())
        }
        Err(_) if matches!(trimmed.trim_start_matches(['-', '+']), "NaN" | "Infinity") => {
            Err(format!("JSON has no such number; if the text is meant, write '\"{trimmed}\"'"))
        }
        Err(_) => Ok(Value::String(text.to_owned())),
    }
}

/// Does one `path=value`.
fn assign(kwargs: &mut TaskKwargs, text: &str) -> Result<(), String> {
    let (mut steps, value) = steps_of(text)
        .ok_or_else(|| format!("--set {text}: expected PATH=VALUE, as in --set Solow.savings_rate=0.3"))?;
    let value = value_of(value).map_err(|why| format!("--set {text}: {why}"))?;
    if steps.iter().any(String::is_empty) {
        return Err(format!("--set {text}: a part of the path is empty"));
    }
    let path = steps.join(".");
    if !steps.first().is_some_and(|first| PARTS.contains(&first.as_str())) {
        steps.insert(0, "adjustment".to_owned());
    }
    let Some(last) = steps.pop().filter(|_| !steps.is_empty()) else {
        return Err(format!("--set {text}: name a value in it, as in --set {path}.NAME=VALUE"));
    };
    let mut at = kwargs;
    let mut walked = String::new();
    for step in steps {
        walked = if walked.is_empty() { step.clone() } else { format!("{walked}.{step}") };
        let next = at.entry(step).or_insert_with(|| Value::Object(Map::new()));
        at = next
            .as_object_mut()
            .ok_or_else(|| format!("--set {text}: `{walked}` has a value and can't have parts"))?;
    }
    at.insert(last, value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn set(values: &[&str]) -> Result<Value, String> {
        let mut kwargs = Map::new();
        for value in values {
            assign(&mut kwargs, value)?;
        }
        Ok(Value::Object(kwargs))
    }

    #[test]
    fn values_are_set_by_path() {
        assert_eq!(set(&["rate=0.3"]), Ok(json!({"adjustment": {"rate": 0.3}})));
        assert_eq!(set(&["adjustment.name=red tape"]), Ok(json!({"adjustment": {"name": "red tape"}})));
        assert_eq!(set(&["adjustment.name=\"7\""]), Ok(json!({"adjustment": {"name": "7"}})));
        let both = set(&["meta_param_dict.year=2030", "policy.tax={\"a\": [1]}", "policy.on=true"]);
        let expected = json!({"meta_param_dict": {"year": 2030}, "adjustment": {"policy": {"tax": {"a": [1]}, "on": true}}});
        assert_eq!(both, Ok(expected));
        let escaped = set(&[r"a\.b=1", r"c\=d.e\\=2"]);
        assert_eq!(escaped, Ok(json!({"adjustment": {"a.b": 1, "c=d": {r"e\": 2}}})));
        let big = "254601183493841237945120495711238475";
        assert_eq!(set(&[&format!("seed={big}")]), Ok(json!({"adjustment": {"seed": {numbers::MARK: big}}})));
        assert_eq!(set(&["expr=a=b"]), Ok(json!({"adjustment": {"expr": "a=b"}})));
    }

    #[test]
    fn what_makes_no_sense_is_said() {
        for (values, says) in [
            (&["rate"] as &[&str], "expected PATH=VALUE"),
            (&["=3"], "a part of the path is empty"),
            (&["a..b=3"], "a part of the path is empty"),
            (&["adjustment=3"], "name a value in it"),
            (&["a=3", "a.b=4"], "`adjustment.a` has a value"),
            (&["a=1e400"], "--set a=1e400: the number is larger"),
            (&["a=-Infinity"], "JSON has no such number"),
        ] {
            let error = set(values).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn parts_are_checked_and_completed() {
        assert!(parts(json!([])).is_err());
        assert!(parts(json!({"adjustments": {}})).unwrap_err().contains("unknown key `adjustments`"));
        assert!(parts(json!({"adjustment": 3})).unwrap_err().contains("must be a JSON object"));
        let kwargs = parts(json!({"adjustment": {"a": 1}})).unwrap();
        assert_eq!(
            Value::Object(complete(kwargs.clone(), TaskName::Sim)),
            json!({"adjustment": {"a": 1}, "meta_param_dict": {}})
        );
        assert!(complete(kwargs, TaskName::Version).is_empty());
    }
}
