use std::fmt::Write as _;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::job::{AttemptKey, AttemptSpec, RuntimeError};

/// Label of a Job and its pods: the job's id.
pub const JOB_ID_LABEL: &str = "job-id";
/// Label of a Job and its pods: which attempt at the job it is, from 1.
pub const ATTEMPT_LABEL: &str = "attempt";
/// Annotation of a Job: the model's name.
pub const MODEL_ANNOTATION: &str = "csw/model";
/// Annotation of a Job: what is asked of the model.
pub const TASK_ANNOTATION: &str = "csw/task";
/// Annotation of a Job: when the job was submitted, to the nanosecond. Kubernetes tells seconds of when it was made.
pub const SUBMITTED_ANNOTATION: &str = "csw/submitted";
/// Annotation of a Job: what tells two requests of one name apart.
const REQUEST_ANNOTATION: &str = "csw/request";

/// Longest name that Kubernetes takes for a Job: it becomes a label of the pods.
const LONGEST: usize = 63;

/// The name of an attempt's Kubernetes Job: the id for the first one, as `ID.2` for a later one. No id holds a `.`, so
/// no two are the same; an id that is too long for that is cut and told apart by its digest.
pub fn job_name(key: &AttemptKey) -> String {
    let id = key.id.as_str();
    if key.attempt <= 1 {
        return id.to_owned();
    }
    let suffix = format!(".{}", key.attempt);
    if id.len() + suffix.len() <= LONGEST {
        return id.to_owned() + &suffix;
    }
    let mark = digest(id.as_bytes());
    let mark = mark.get(..12).unwrap_or(&mark);
    // An id is ASCII.
    let room = LONGEST - suffix.len() - mark.len() - 1;
    format!("{}.{mark}{suffix}", id.get(..room).unwrap_or(id).trim_end_matches('-'))
}

/// Gives a manifest the name, the labels and the annotations by which it is found again.
pub(super) fn complete(
    mut manifest: Value,
    spec: &AttemptSpec,
    namespace: &str,
) -> Result<Value, RuntimeError> {
    let lacks = |what: &str| RuntimeError::Manifest {
        key: spec.key.to_string(),
        reason: format!("the Job has no {what}"),
    };
    let attempt = spec.key.attempt.to_string();
    for at in ["/metadata", "/spec/template/metadata"] {
        let map = manifest.pointer_mut(at).and_then(Value::as_object_mut).ok_or_else(|| lacks(at))?;
        let labels = map.entry("labels").or_insert_with(|| json!({}));
        let labels = labels.as_object_mut().ok_or_else(|| lacks("labels"))?;
        labels.insert(JOB_ID_LABEL.to_owned(), spec.key.id.as_str().into());
        labels.insert(ATTEMPT_LABEL.to_owned(), attempt.clone().into());
        labels.entry("app").or_insert_with(|| format!("{}-job", spec.model.safe()).into());
    }
    let metadata = manifest.pointer_mut("/metadata").and_then(Value::as_object_mut);
    let metadata = metadata.ok_or_else(|| lacks("metadata"))?;
    metadata.insert("name".to_owned(), job_name(&spec.key).into());
    metadata.insert("namespace".to_owned(), namespace.into());
    let annotations = metadata.entry("annotations").or_insert_with(|| json!({}));
    let annotations = annotations.as_object_mut().ok_or_else(|| lacks("annotations"))?;
    annotations.insert(MODEL_ANNOTATION.to_owned(), spec.model.to_string().into());
    annotations.insert(TASK_ANNOTATION.to_owned(), spec.task.as_str().into());
    annotations.insert(REQUEST_ANNOTATION.to_owned(), request(spec).into());
    Ok(manifest)
}

/// Whether a Job that has an attempt's name was made for the same request.
pub(super) fn is_same(job: &Value, spec: &AttemptSpec) -> bool {
    let there = job.pointer("/metadata/annotations").and_then(|a| a.get(REQUEST_ANNOTATION)?.as_str());
    there == Some(request(spec).as_str())
}

/// Digest of what was asked for: model, task and arguments. How it is run may change with a configuration and is left
/// out, and so are secrets.
fn request(spec: &AttemptSpec) -> String {
    let asked =
        json!([spec.model.to_string(), spec.task.as_str(), sorted(&Value::Object(spec.kwargs.clone()))]);
    digest(asked.to_string().as_bytes())
}

/// The same value with the keys of all objects in order.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(key, _)| key.as_str());
            entries.into_iter().map(|(key, value)| (key.clone(), sorted(value))).collect()
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

fn digest(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        // Writing to a string can't fail.
        let _: std::fmt::Result = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: &str, attempt: u32) -> AttemptKey {
        AttemptKey { id: id.parse().unwrap(), attempt }
    }

    #[test]
    fn every_attempt_has_a_name_of_its_own_that_kubernetes_takes() {
        assert_eq!(job_name(&key("run-1", 1)), "run-1");
        assert_eq!(job_name(&key("run-1", 2)), "run-1.2");
        let (long, longer) = ("a".repeat(63), "a".repeat(62));
        assert_eq!(job_name(&key(&long, 1)), long);
        let names = [job_name(&key(&long, 2)), job_name(&key(&longer, 2)), job_name(&key(&long, 12))];
        assert!(names.iter().all(|n| n.len() <= LONGEST), "{names:?}");
        assert!(names[0] != names[1] && names[0] != names[2] && names[1] != names[2], "{names:?}");
    }
}
