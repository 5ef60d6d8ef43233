//! What an attempt's executor proves itself with. Whoever may look at a namespace's objects may read its Jobs and pods:
//! they only name the Secret that holds it.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value, json};

use super::describe::{attempt_of, id_of, model_of, task_of};
use super::manifest::{ATTEMPT_LABEL, JOB_ID_LABEL};
use crate::job::AttemptKey;
use crate::kube::Resource;
use crate::kube::ready::text;
use crate::model::{GroupVersionKind, ModelName, TaskName};

/// Annotation of a Job: the name of the Secret that it owns.
const ANNOTATION: &str = "csw/credentials";

/// What the executor of an attempt gets as environment variables that nobody else may read. The same for the same
/// attempt, whenever it is asked for.
pub type Credentials =
    dyn Fn(&AttemptKey, &ModelName, TaskName) -> BTreeMap<String, SecretString> + Send + Sync;

/// Has the executor of a Job take these variables from a Secret that is yet to be made. Its name is a new one: what an
/// earlier Job of the same name has left behind for a moment is in nobody's way.
pub(super) fn refer<'n>(job: &mut Value, names: impl Iterator<Item = &'n String>) -> Option<()> {
    let secret = format!("{}-{}", text(job, "/metadata/name"), uuid::Uuid::new_v4().simple());
    let annotations = job.pointer_mut("/metadata/annotations")?.as_object_mut()?;
    annotations.insert(ANNOTATION.to_owned(), secret.clone().into());
    let containers = job.pointer_mut("/spec/template/spec/containers")?.as_array_mut()?;
    let at = containers.iter().position(|c| text(c, "/name") == "job").unwrap_or(0);
    let env = containers.get_mut(at)?.as_object_mut()?.entry("env").or_insert_with(|| json!([]));
    let env = env.as_array_mut()?;
    for name in names {
        env.retain(|e| text(e, "/name") != name);
        env.push(json!({"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": name}}}));
    }
    Some(())
}

/// The Secret of a Job as the server has it: gone when the Job is. `None` for a Job that names none.
pub(super) fn secret(job: &Value, credentials: &Credentials) -> Option<Value> {
    let name = job.pointer("/metadata/annotations")?.get(ANNOTATION)?.as_str()?;
    let key = AttemptKey { id: id_of(job)?, attempt: attempt_of(job) };
    let data: Map<String, Value> = credentials(&key, &model_of(job)?, task_of(job))
        .iter()
        .map(|(name, value)| (name.clone(), value.expose_secret().into()))
        .collect();
    Some(json!({
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque", "immutable": true, "stringData": data,
        "metadata": {
            "name": name,
            "labels": {JOB_ID_LABEL: key.id.as_str(), ATTEMPT_LABEL: key.attempt.to_string()},
            "ownerReferences": [{"apiVersion": "batch/v1", "kind": "Job", "name": text(job, "/metadata/name"),
                "uid": text(job, "/metadata/uid")}],
        },
    }))
}

pub(super) fn resource() -> Resource {
    Resource {
        gvk: GroupVersionKind::new("v1", "Secret"),
        plural: "secrets".to_owned(),
        namespaced: true,
        verbs: Vec::new(),
    }
}
