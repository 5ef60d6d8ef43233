//! The shape that each task's result must have.

use serde_json::{Map, Value};

use crate::model::{TaskName, numbers};
use crate::outputs::{Carries, MediaType, check_base64};

/// Checks a task's result; the error names every place that is wrong, for the model's author.
pub(crate) fn result(task: TaskName, value: &Value) -> Result<(), String> {
    let mut problems = Vec::new();
    let function = match task {
        TaskName::Version => "get_version",
        TaskName::Defaults => "get_inputs",
        TaskName::Parse => "validate_inputs",
        TaskName::Sim => "run_model",
    };
    match value {
        Value::Object(object) => match task {
            TaskName::Version => {
                if !object.get("version").is_some_and(Value::is_string) {
                    problems.push("`version` must be text".to_owned());
                }
            }
            TaskName::Defaults => {
                for key in ["meta_parameters", "model_parameters"] {
                    must_be_object(object, key, &mut problems);
                }
            }
            TaskName::Parse => must_be_object(object, "errors_warnings", &mut problems),
            TaskName::Sim => {
                for key in ["renderable", "downloadable"] {
                    outputs(object, key, &mut problems);
                }
            }
        },
        other => problems.push(format!("expected a JSON object, found {}", kind(other))),
    }
    if problems.is_empty() {
        return Ok(());
    }
    Err(format!("The result of {function} does not have the right shape:\n  {}\n", problems.join("\n  ")))
}

fn must_be_object(object: &Map<String, Value>, key: &str, problems: &mut Vec<String>) {
    match object.get(key) {
        Some(Value::Object(_)) => {}
        Some(other) => problems.push(format!("`{key}` must be an object, found {}", kind(other))),
        None => problems.push(format!("`{key}` is missing")),
    }
}

fn outputs(object: &Map<String, Value>, key: &str, problems: &mut Vec<String>) {
    let list = match object.get(key) {
        Some(Value::Array(list)) => list,
        Some(other) => {
            return problems.push(format!("`{key}` must be a list of outputs, found {}", kind(other)));
        }
        None => {
            return problems.push(format!("`{key}` is missing; without such outputs it is an empty list"));
        }
    };
    for (i, item) in list.iter().enumerate() {
        let at = format!("{key}[{i}]");
        let Some(output) = item.as_object() else {
            problems
                .push(format!("{at} must be an object {{media_type, title, data}}, found {}", kind(item)));
            continue;
        };
        if !output.get("title").is_some_and(Value::is_string) {
            problems.push(format!("{at}.title must be text"));
        }
        match (output.get("media_type").and_then(Value::as_str), output.get("data")) {
            (_, None) => problems.push(format!("{at}.data is missing")),
            (None, Some(_)) => problems.push(format!("{at}.media_type must be text")),
            (Some(name), Some(data)) => match MediaType::from_wire(name) {
                Some(media_type) => {
                    problems.extend(wrong_data(media_type, data).map(|w| format!("{at}.{w}")))
                }
                None => {
                    let known = MediaType::ALL.map(MediaType::as_str).join(", ");
                    problems.push(format!("{at}.media_type is `{name}`; expected one of {known}"));
                }
            },
        }
    }
}

/// What is wrong with an output's data, by the rules of those who store it.
fn wrong_data(media_type: MediaType, data: &Value) -> Option<String> {
    match (media_type.carries(), data) {
        (Carries::Object, Value::Object(_)) | (Carries::Text, Value::String(_)) => None,
        (Carries::Bytes, Value::String(text)) => check_base64(text)
            .err()
            .map(|why| format!("data of {media_type} is neither bytes nor base64 text: {why}")),
        (Carries::Object, data) => {
            Some(format!("data of {media_type} must be an object, found {}", kind(data)))
        }
        (_, data) => Some(format!("data of {media_type} must be text or bytes, found {}", kind(data))),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(object) if object.contains_key(numbers::MARK) => "a number",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn right_shapes_pass() {
        for (task, value) in [
            (TaskName::Version, json!({"version": "1"})),
            (TaskName::Defaults, json!({"meta_parameters": {}, "model_parameters": {}})),
            (TaskName::Parse, json!({"errors_warnings": {}})),
            (TaskName::Sim, json!({"renderable": [], "downloadable": []})),
            (
                TaskName::Sim,
                json!({"renderable": [{"media_type": "bokeh", "title": "b", "data": {}}],
                       "downloadable": [{"media_type": "PNG", "title": "p", "data": "AAE="}]}),
            ),
        ] {
            assert_eq!(result(task, &value), Ok(()), "{value}");
        }
    }

    #[test]
    fn base64_passes_as_programs_print_it() {
        let of = |data: &str| json!({"renderable": [{"media_type": "PNG", "title": "p", "data": data}], "downloadable": []});
        for data in
            ["", "AAE=", "AAE", "AA==", "AA", "AAEC\nAwQ=\n", "AAEC\r\nAwQ\r\n", " AAEC\tAwQF ", "AAF="]
        {
            assert_eq!(result(TaskName::Sim, &of(data)), Ok(()), "{data:?}");
        }
        for data in ["A", "AAE_", "=", "AA=A", "AAE=AAE=", "data:AAE=", "AÄE="] {
            let problem = result(TaskName::Sim, &of(data)).unwrap_err();
            assert!(
                problem.contains("renderable[0].data of PNG is neither bytes nor base64"),
                "{data:?}: {problem}"
            );
        }
    }

    #[test]
    fn every_mistake_is_named_with_its_place() {
        let wrong = json!({"renderable": [
            {"media_type": "png", "title": "a", "data": ""},
            {"media_type": "CSV", "title": 3, "data": 4},
            {"media_type": "PDF", "title": "c", "data": "no base64!"},
            "text",
        ]});
        let problem = result(TaskName::Sim, &wrong).unwrap_err();
        for part in [
            "renderable[0].media_type is `png`; expected one of bokeh, table, CSV",
            "renderable[1].title must be text",
            "renderable[1].data of CSV must be text or bytes, found a number",
            "renderable[2].data of PDF is neither bytes nor base64 text",
            "renderable[3] must be an object {media_type, title, data}, found text",
            "`downloadable` is missing",
        ] {
            assert!(problem.contains(part), "{part} in\n{problem}");
        }
        assert!(result(TaskName::Defaults, &json!(null)).unwrap_err().contains("get_inputs"));
    }
}
