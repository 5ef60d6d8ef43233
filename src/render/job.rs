//! One simulation's Job, made from a model's job template.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Object, RenderError};
use crate::model::{ImageReference, JobId};

/// What sets one simulation apart.
#[derive(Debug, Clone)]
pub struct JobRun<'r> {
    /// The task's id: the Job's name.
    pub id: &'r JobId,
    /// Image tag, if another than the template's is asked for.
    pub tag: Option<&'r str>,
    /// Annotations of the Job beside the template's, which they replace.
    pub annotations: &'r BTreeMap<String, String>,
}

/// The Job of one simulation: `template` with the name, the label `job-id` of Job and pod, and what `run` says.
///
/// # Errors
/// [`RenderError::Invalid`] when the template is no Job with a container `job`, or the tag is no tag.
pub fn instantiate(template: &Object, run: &JobRun<'_>) -> Result<Object, RenderError> {
    let invalid = |problem: String| RenderError::Invalid { problems: vec![problem] };
    let lacks = |what: &str| invalid(format!("the job template {template} has no {what}"));
    let mut value = template.value().clone();
    set(&mut value, "/metadata", "name", run.id.as_str().into()).ok_or_else(|| lacks("metadata"))?;
    for labels in ["/metadata/labels", "/spec/template/metadata/labels"] {
        set(&mut value, labels, "job-id", run.id.as_str().into()).ok_or_else(|| lacks(labels))?;
    }
    if !run.annotations.is_empty() && value.pointer("/metadata/annotations").is_none() {
        set(&mut value, "/metadata", "annotations", json!({}));
    }
    for (key, text) in run.annotations {
        set(&mut value, "/metadata/annotations", key, text.as_str().into());
    }
    let container = value
        .pointer_mut("/spec/template/spec/containers")
        .and_then(Value::as_array_mut)
        .and_then(|all| all.iter_mut().find(|c| c.get("name").is_some_and(|n| n == "job")))
        .and_then(Value::as_object_mut)
        .ok_or_else(|| lacks("container `job`"))?;
    if let Some(tag) = run.tag {
        let image = container.get("image").and_then(Value::as_str).unwrap_or_default();
        let image: ImageReference = image.parse().map_err(|e| invalid(format!("{e}")))?;
        let image = image.with_tag(tag).map_err(|e| invalid(e.to_string()))?;
        container.insert("image".to_owned(), image.to_string().into());
    }
    Object::new(value).map_err(|lack| invalid(format!("the job template {lack}")))
}

fn set(value: &mut Value, pointer: &str, key: &str, to: Value) -> Option<()> {
    value.pointer_mut(pointer)?.as_object_mut()?.insert(key.to_owned(), to);
    Some(())
}
