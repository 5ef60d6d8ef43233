//! The answer to a task that is waited for (`version`, `defaults`; `parse` between services), as JSON.

use serde_json::{Map, Value, json};

use crate::model::TaskResult;

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
