//! Where the services get their models from.

mod files;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;

pub use files::Reloaded;

use super::ServiceError;
use super::models::Models;
use crate::config::Catalog;
use crate::model::{Model, ModelName};
use files::Files;

/// How messages name what came by `POST /sync/`.
pub(super) const SYNCED: &str = "the synced list";

/// Takes the list of models that the web app sends.
#[async_trait]
pub trait SyncTarget: Send + Sync {
    /// Takes the list in place of the one before. All of it or nothing: one wrong entry, and everything stays as it is.
    /// Returns how many models are known now.
    ///
    /// # Errors
    /// With everything that is wrong with the list; when it can't be kept.
    async fn sync(&self, list: String) -> Result<usize, ServiceError>;

    /// What somebody who asked for this model in vain can do about it.
    fn remedies(&self, name: &ModelName) -> Vec<String>;
}

/// The models that there are, and what becomes of the list that the web app sends.
#[derive(Clone)]
pub struct Catalogue {
    models: Models,
    target: Option<Arc<dyn SyncTarget>>,
    /// Where they are read from, if that may change.
    files: Option<Files>,
}

impl Catalogue {
    /// These models and no others; a sync is refused.
    pub fn fixed(models: impl IntoIterator<Item = Model>) -> Self {
        Self { models: Models::new(models), target: None, files: None }
    }

    /// These models, which `target` keeps up to date.
    pub fn synced_by(models: Models, target: Arc<dyn SyncTarget>) -> Self {
        Self { models, target: Some(target), files: None }
    }

    /// Reads the files below `config_dir` and the list that an earlier run has kept in `data_dir`. Models that are
    /// wrong are left out; what is wrong with them is in the catalog's diagnostics.
    ///
    /// # Errors
    /// When a folder can't be read.
    pub fn open(config_dir: &Path, data_dir: &Path) -> Result<(Self, Catalog), ServiceError> {
        let (files, catalog) = Files::open(config_dir, data_dir)?;
        let models = files.models().clone();
        let target = Some(Arc::new(files.clone()) as _);
        Ok((Self { models, target, files: Some(files) }, catalog))
    }

    /// The models as they are now.
    pub fn models(&self) -> &Models {
        &self.models
    }

    /// Reads the files again: takes what is right, and keeps what was known of models whose files are wrong now. What was
    /// done is told by [`Catalogue::news`]. Whether anything was.
    pub async fn reload(&self) -> bool {
        match self.files.clone() {
            Some(files) => tokio::task::spawn_blocking(move || files.reload()).await.unwrap_or_default(),
            None => false,
        }
    }

    /// What [`Catalogue::reload`] did since this was asked last.
    pub fn news(&self) -> Vec<Reloaded> {
        self.files.as_ref().map(Files::news).unwrap_or_default()
    }

    /// See [`SyncTarget::remedies`].
    pub fn remedies(&self, name: &ModelName) -> Vec<String> {
        self.target.as_ref().map(|target| target.remedies(name)).unwrap_or_default()
    }

    /// See [`SyncTarget::sync`].
    ///
    /// # Errors
    /// As there; when the models are fixed.
    pub async fn sync(&self, list: String) -> Result<usize, ServiceError> {
        match &self.target {
            Some(target) => target.sync(list).await,
            None => Err(ServiceError::FixedCatalogue),
        }
    }
}
