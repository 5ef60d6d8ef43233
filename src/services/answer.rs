//! The answer to a task that is waited for (`version`, `defaults`; `parse` between services), as JSON.

use serde_json::{Map, Value, json};

use crate::model::{JobId, Outcome, TaskMeta, TaskResult};

/// The function's own result with what is known about the call beside it.
pub(super) fn to_json(result: TaskResult) -> Value {
    let mut answer = match result.outputs {
        Some(Value::Object(fields)) => fields,
        Some(other) => Map::from_iter([("outputs".to_owned(), other)]),
        None => Map::new(),
    };
    answer.insert("status".to_owned(), json!(result.status));
    answer.insert("meta".to_owned(), json!(result.meta));
    if let Some(traceback) = result.traceback {
        answer.insert("traceback".to_owned(), Value::String(traceback));
    }
    Value::Object(answer)
}

/// What [`to_json`] was made from, except for the id.
///
/// # Errors
/// A sentence about what the answer lacks.
pub(super) fn from_json(id: &JobId, answer: Value) -> Result<TaskResult, String> {
    let Value::Object(mut fields) = answer else { return Err("the answer is no JSON object".to_owned()) };
    let mut field = |name: &str| fields.shift_remove(name);
    let wrong = |name: &str, e: serde_json::Error| {
        format!("`{name}` of the answer is not understood: {}", crate::expectation::json(&e))
    };
    let status: Outcome = match field("status") {
        Some(status) => serde_json::from_value(status).map_err(|e| wrong("status", e))?,
        None => return Err("the answer has no `status`".to_owned()),
    };
    let meta = match field("meta") {
        Some(meta) => serde_json::from_value(meta).map_err(|e| wrong("meta", e))?,
        None => TaskMeta { task_times: Vec::new() },
    };
    let traceback = field("traceback").and_then(|t| t.as_str().map(str::to_owned));
    let outputs = (status == Outcome::Success).then_some(Value::Object(fields));
    let task_id = id.clone();
    Ok(TaskResult { task_id, status, meta, model_version: None, outputs, version: None, traceback })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_comes_back_as_it_went() {
        let id: JobId = "a".parse().unwrap();
        let result = |status, outputs, traceback: Option<&str>| TaskResult {
            task_id: id.clone(),
            status,
            meta: TaskMeta { task_times: vec![0.5] },
            model_version: None,
            outputs,
            version: None,
            traceback: traceback.map(str::to_owned),
        };
        for result in [
            result(Outcome::Success, Some(json!({"version": "1.0"})), None),
            result(Outcome::Fail, None, Some("Traceback: no")),
        ] {
            assert_eq!(from_json(&id, to_json(result.clone())).unwrap(), result);
        }
        assert!(from_json(&id, json!({"version": "1"})).unwrap_err().contains("status"));
        assert!(from_json(&id, json!([])).is_err());
    }
}
