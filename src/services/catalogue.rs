//! Where the services get their models from.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use super::ServiceError;
use super::models::Models;
use crate::config::{self, Catalog, ConfigError, Sources};
use crate::model::Model;
use crate::private;

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
}

/// The models that there are, and what becomes of the list that the web app sends.
#[derive(Clone)]
pub struct Catalogue {
    models: Models,
    target: Option<Arc<dyn SyncTarget>>,
}

/// The files of a folder, and what the web app sent last. A file outweighs what was sent about its model.
#[derive(Debug, Clone)]
struct Files {
    models: Models,
    source: Arc<Source>,
}

#[derive(Debug)]
struct Source {
    config_dir: PathBuf,
    /// The list that was sent last: a restart must not forget the models of jobs that wait.
    synced: PathBuf,
    /// One change at a time.
    changing: Mutex<()>,
}

impl Catalogue {
    /// These models and no others; a sync is refused.
    pub fn fixed(models: impl IntoIterator<Item = Model>) -> Self {
        Self { models: Models::new(models), target: None }
    }

    /// These models, which `target` keeps up to date.
    pub fn synced_by(models: Models, target: Arc<dyn SyncTarget>) -> Self {
        Self { models, target: Some(target) }
    }

    /// Reads the files below `config_dir` and the list that an earlier run has kept in `data_dir`. Models that are
    /// wrong are left out; what is wrong with them is in the catalog's diagnostics.
    ///
    /// # Errors
    /// When a folder can't be read.
    pub fn open(config_dir: &Path, data_dir: &Path) -> Result<(Self, Catalog), ServiceError> {
        let synced = data_dir.join("projects.json");
        let list = match std::fs::read_to_string(&synced) {
            Ok(list) => Some(list),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => None,
            Err(source) => return Err(ServiceError::Io { path: synced.display().to_string(), source }),
        };
        let catalog = load(config_dir, list.as_deref())?;
        let source = Source { config_dir: config_dir.to_owned(), synced, changing: Mutex::default() };
        let models = Models::new(catalog.models().cloned());
        let files = Files { models: models.clone(), source: Arc::new(source) };
        Ok((Self { models, target: Some(Arc::new(files)) }, catalog))
    }

    /// The models as they are now.
    pub fn models(&self) -> &Models {
        &self.models
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

#[async_trait]
impl SyncTarget for Files {
    async fn sync(&self, list: String) -> Result<usize, ServiceError> {
        let this = self.clone();
        let work = tokio::task::spawn_blocking(move || this.take(&list));
        work.await.map_err(|e| ServiceError::Ended { reason: e.to_string() })?
    }
}

impl Files {
    fn take(&self, list: &str) -> Result<usize, ServiceError> {
        let source = &self.source;
        let _one = source.changing.lock().unwrap_or_else(PoisonError::into_inner);
        config::load(&Sources::none().with_web_app(SYNCED, list))?;
        let catalog = load(&source.config_dir, Some(list))?;
        let io = |e| ServiceError::Io { path: source.synced.display().to_string(), source: e };
        private::write(&source.synced, list.as_bytes()).map_err(io)?;
        self.models.replace(catalog.models().cloned());
        Ok(catalog.models().len())
    }
}

fn load(config_dir: &Path, list: Option<&str>) -> Result<Catalog, ConfigError> {
    let files = Sources::files(config_dir);
    let sources = match list {
        Some(list) => files.with_web_app(SYNCED, list),
        None => files,
    };
    config::load_valid(&sources)
}
