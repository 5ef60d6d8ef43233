//! Models that are deployed on the cluster: the ConfigMaps that `csw models apply` makes.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use serde_json::Value;

use crate::kube::{Resource, Selection};
use crate::model::{GroupVersionKind, Model, ModelName};
use crate::render::Object;

/// Chooses the ConfigMaps.
const LABELS: &str = "app.kubernetes.io/part-of=csw,app.kubernetes.io/component=job-template";

/// A model, and what its Jobs are made from.
#[derive(Debug)]
pub struct DeployedModel {
    /// The model as it was deployed.
    pub model: Model,
    /// A whole Job.
    pub template: Object,
}

/// The models that are deployed. Cheap to clone; all clones see the same.
#[derive(Debug, Clone, Default)]
pub struct Deployed(Arc<RwLock<BTreeMap<String, Arc<DeployedModel>>>>);

impl Deployed {
    /// The model of that name.
    pub fn get(&self, name: &ModelName) -> Option<Arc<DeployedModel>> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .find(|deployed| deployed.model.name == *name)
            .cloned()
    }

    /// All of them.
    pub(super) fn models(&self) -> Vec<Model> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.values().map(|deployed| deployed.model.clone()).collect()
    }

    /// Takes note of a ConfigMap.
    ///
    /// # Errors
    /// What is wrong with it; the model is not known then.
    pub(super) fn put(&self, config_map: &Value) -> Result<(), String> {
        let name = text(config_map, "/metadata/name");
        let read = read(config_map);
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        match read {
            Ok(deployed) => {
                known.insert(name.to_owned(), Arc::new(deployed));
                Ok(())
            }
            Err(why) => {
                known.remove(name);
                Err(format!("the ConfigMap {name} is no job template: {why}"))
            }
        }
    }

    pub(super) fn remove(&self, name: &str) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(name);
    }

    /// What to watch.
    pub(super) fn selection(namespace: &str) -> Selection {
        Selection {
            resource: Resource {
                gvk: GroupVersionKind::new("v1", "ConfigMap"),
                plural: "configmaps".to_owned(),
                namespaced: true,
                verbs: Vec::new(),
            },
            namespace: Some(namespace.to_owned()),
            labels: Some(LABELS.to_owned()),
            fields: None,
        }
    }
}

fn read(config_map: &Value) -> Result<DeployedModel, String> {
    let model = serde_json::from_str(text(config_map, "/data/model.json")).map_err(|e| {
        format!("model.json is not understood, apply the model anew: {}", crate::expectation::json(&e))
    })?;
    let options = serde_saphyr::options! { legacy_octal_numbers: true };
    let job: Value = serde_saphyr::from_str_with_options(text(config_map, "/data/job.yaml"), options)
        .map_err(|e| format!("job.yaml is not understood: {}", crate::expectation::yaml(&e)))?;
    let template = Object::new(job).map_err(|lack| format!("job.yaml {lack}"))?;
    Ok(DeployedModel { model, template })
}

fn text<'v>(object: &'v Value, pointer: &str) -> &'v str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}
