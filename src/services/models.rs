//! The models that the services know.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::model::{Model, ModelName};

type ByName = BTreeMap<ModelName, Arc<Model>>;

/// The models that the services know; replaced as a whole. Cheap to clone; all clones see the same.
#[derive(Debug, Clone, Default)]
pub struct Models(Arc<RwLock<Arc<ByName>>>);

impl Models {
    /// Knows these.
    pub fn new(models: impl IntoIterator<Item = Model>) -> Self {
        let known = Self::default();
        known.replace(models);
        known
    }

    /// Knows these instead of what it knew.
    pub fn replace(&self, models: impl IntoIterator<Item = Model>) {
        let new: ByName = models.into_iter().map(|m| (m.name.clone(), Arc::new(m))).collect();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
    }

    /// The model of that name, exactly as it is written.
    pub fn get(&self, name: &ModelName) -> Option<Arc<Model>> {
        self.all().get(name).cloned()
    }

    /// All of them, sorted by name.
    pub fn all(&self) -> Arc<ByName> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What somebody who asked for `name` in vain may have meant.
    pub fn nearest(&self, name: &ModelName) -> Option<ModelName> {
        let asked = name.to_string().to_lowercase();
        self.all()
            .keys()
            .map(|known| (strsim::damerau_levenshtein(&asked, &known.to_string().to_lowercase()), known))
            .min_by_key(|(distance, _)| *distance)
            .filter(|(distance, _)| *distance <= asked.len() / 3)
            .map(|(_, known)| known.clone())
    }
}
