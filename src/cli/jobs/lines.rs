use std::collections::HashMap;

use serde_json::Value;

use super::inputs::{complete, parts};
use crate::error::Failure;
use crate::model::{JobId, TaskKwargs, TaskName, numbers};

/// One line of a file of input sets.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct InputSet {
    /// From 1.
    pub(super) line: usize,
    pub(super) id: JobId,
    pub(super) kwargs: TaskKwargs,
}

/// Mistakes that are shown; more only make the first ones scroll away.
const SHOWN: usize = 20;

/// Reads a file of JSON lines, `{meta_param_dict?, adjustment?, id?}` each; empty lines are none. A line without an id
/// gets `<prefix>-<line number>`, or a random one.
///
/// # Errors
/// With every line that is wrong.
pub(super) fn parse(text: &str, prefix: Option<&str>) -> Result<Vec<InputSet>, Failure> {
    let mut sets: Vec<InputSet> = Vec::new();
    let mut problems = Vec::new();
    let mut seen: HashMap<JobId, usize> = HashMap::new();
    for (index, text) in text.lines().enumerate().filter(|(_, text)| !text.trim().is_empty()) {
        let line = index + 1;
        match one(text, line, prefix) {
            Ok(set) => match seen.insert(set.id.clone(), line) {
                Some(first) => problems.push(format!("line {line}: id {} is line {first}'s already", set.id)),
                None => sets.push(set),
            },
            Err(why) => problems.push(format!("line {line}: {why}")),
        }
    }
    if problems.is_empty() {
        return Ok(sets);
    }
    let count = problems.len();
    problems.truncate(SHOWN);
    let more = if count > SHOWN { format!("\n  and {} more", count - SHOWN) } else { String::new() };
    let plural = if count == 1 { "line is" } else { "lines are" };
    let list = problems.join("\n  ");
    Err(Failure::config(format!("nothing was submitted: {count} {plural} wrong\n  {list}{more}")))
}

fn one(text: &str, line: usize, prefix: Option<&str>) -> Result<InputSet, String> {
    let mut value: Value =
        numbers::from_str(text).map_err(|e| format!("not JSON: {}", crate::expectation::json(&e)))?;
    let given = match value.as_object_mut().and_then(|object| object.shift_remove("id")) {
        Some(Value::String(id)) => Some(id),
        Some(_) => return Err("`id` must be text".into()),
        None => prefix.map(|prefix| format!("{prefix}-{line}")),
    };
    let id = match given {
        Some(id) => id.parse().map_err(|e: crate::model::ModelError| e.to_string())?,
        None => JobId::random(),
    };
    Ok(InputSet { line, id, kwargs: complete(parts(value)?, TaskName::Sim) })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lines_become_input_sets() {
        let text = "{}\n\n{\"adjustment\": {\"a\": 1}, \"id\": \"mine\"}\n";
        let sets = parse(text, Some("batch")).unwrap();
        assert_eq!(sets.len(), 2);
        assert_eq!((sets[0].line, sets[0].id.as_str()), (1, "batch-1"));
        assert_eq!((sets[1].line, sets[1].id.as_str()), (3, "mine"));
        assert_eq!(
            Value::Object(sets[1].kwargs.clone()),
            json!({"adjustment": {"a": 1}, "meta_param_dict": {}})
        );
        assert_eq!(parse(text, Some("batch")).unwrap(), sets, "ids are the same the next time");
        assert_ne!(parse("{}", None).unwrap()[0].id, parse("{}", None).unwrap()[0].id);
    }

    #[test]
    fn every_wrong_line_is_named() {
        let text =
            "{\n{}\n[1]\n{\"id\": 3}\n{\"id\": \"No\"}\n{\"adj\": {}}\n{\"id\": \"x\"}\n{\"id\": \"x\"}";
        let message = parse(text, None).unwrap_err().message;
        assert!(message.starts_with("nothing was submitted: 6 lines are wrong\n"), "{message}");
        for line in [
            "line 1: not JSON",
            "line 3: expected",
            "line 4: `id`",
            "line 5: invalid job id",
            "line 6: unknown key `adj`",
            "line 8: id x is line 7's already",
        ] {
            assert!(message.contains(line), "{line} is not in {message}");
        }
    }
}
