//! Where the services get their models from.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::ServiceError;
use super::models::Models;
use crate::config::{self, Catalog, ConfigError, Sources};
use crate::model::Model;

/// How messages name what came by `POST /sync/`.
const SYNCED: &str = "the synced list";

/// The files of a folder, and what the web app sent last. A file outweighs what was sent about its model.
#[derive(Debug, Clone)]
pub struct Catalogue {
    models: Models,
    source: Option<Arc<Source>>,
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
        Self { models: Models::new(models), source: None }
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
        Ok((Self { models, source: Some(Arc::new(source)) }, catalog))
    }

    /// The models as they are now.
    pub fn models(&self) -> &Models {
        &self.models
    }

    /// Takes the web app's list of models in place of the one before. All of it or nothing: one wrong entry, and
    /// everything stays as it is. Returns how many models are known now. Blocks.
    ///
    /// # Errors
    /// With everything that is wrong with the list; when it can't be kept.
    pub fn sync(&self, list: &str) -> Result<usize, ServiceError> {
        let Some(source) = &self.source else { return Err(ServiceError::FixedCatalogue) };
        let _one = source.changing.lock().unwrap_or_else(PoisonError::into_inner);
        config::load(&Sources::none().with_web_app(SYNCED, list))?;
        let catalog = load(&source.config_dir, Some(list))?;
        let io = |e| ServiceError::Io { path: source.synced.display().to_string(), source: e };
        let part = source.synced.with_extension("part");
        std::fs::write(&part, list).and_then(|()| std::fs::rename(&part, &source.synced)).map_err(io)?;
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
