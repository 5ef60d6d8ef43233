use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::{SYNCED, SyncTarget};
use crate::config::{self, Catalog, ConfigError, Diagnostics, Listed, Sources};
use crate::model::ModelName;
use crate::private;
use crate::services::ServiceError;
use crate::services::models::Models;

/// The files of a folder, and what the web app sent last. A file outweighs what was sent about its model.
#[derive(Clone)]
pub(super) struct Files {
    models: Models,
    source: Arc<Source>,
}

struct Source {
    config_dir: PathBuf,
    /// The list that was sent last: a restart must not forget the models of jobs that wait.
    synced: PathBuf,
    /// One change at a time.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    known: BTreeMap<ModelName, Listed>,
    /// What is wrong, as it was told last.
    wrong: String,
    /// Models whose configuration has mistakes, and the first of these.
    broken: BTreeMap<ModelName, String>,
    news: Vec<Reloaded>,
}

/// What became of a change of the files.
#[derive(Debug, Clone, Default)]
pub struct Reloaded {
    /// Models that are new.
    pub added: Vec<ModelName>,
    /// Models that are configured otherwise than before.
    pub changed: Vec<ModelName>,
    /// Models that are no more.
    pub removed: Vec<ModelName>,
    /// Models that stay as they were, because their files have mistakes now.
    pub kept: Vec<ModelName>,
    /// The mistakes, where they are not those that were told before.
    pub diagnostics: Diagnostics,
    /// Why nothing could be read.
    pub unreadable: Option<String>,
}

impl Reloaded {
    /// Whether there is nothing to tell.
    fn is_nothing(&self) -> bool {
        let Self { added, changed, removed, kept: _, diagnostics, unreadable } = self;
        added.is_empty()
            && changed.is_empty()
            && removed.is_empty()
            && diagnostics.is_empty()
            && unreadable.is_none()
    }
}

impl Files {
    pub(super) fn open(config_dir: &Path, data_dir: &Path) -> Result<(Self, Catalog), ServiceError> {
        let source = Source {
            config_dir: config_dir.to_owned(),
            synced: data_dir.join("projects.json"),
            state: Mutex::default(),
        };
        let catalog = load(config_dir, source.list()?.as_deref())?;
        let this = Self { models: Models::default(), source: Arc::new(source) };
        this.state().take(&this.models, &catalog, listed(&catalog));
        Ok((this, catalog))
    }

    pub(super) fn models(&self) -> &Models {
        &self.models
    }

    pub(super) fn news(&self) -> Vec<Reloaded> {
        std::mem::take(&mut self.state().news)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.source.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what is right. Whether anything is different now.
    pub(super) fn reload(&self) -> bool {
        let mut state = self.state();
        let read = || Ok::<_, ServiceError>(load(&self.source.config_dir, self.source.list()?.as_deref())?);
        let catalog = match read() {
            Ok(catalog) => catalog,
            Err(e) => {
                let why = e.to_string();
                if state.wrong != why {
                    state.wrong.clone_from(&why);
                    state.news.push(Reloaded { unreadable: Some(why), ..Reloaded::default() });
                }
                return false;
            }
        };
        let mut now = listed(&catalog);
        let wrong_files: BTreeSet<String> =
            catalog.diagnostics().views().into_iter().map(|mistake| mistake.file).collect();
        let is_wrong = |name: &ModelName, listed: &Listed| {
            catalog.mistakes(name).is_some() || wrong_files.contains(&listed.source.shown)
        };
        let mut told = Reloaded::default();
        for (name, before) in &state.known {
            match now.get(name) {
                Some(after) if after.model != before.model => told.changed.push(name.clone()),
                Some(_) => {}
                None if is_wrong(name, before) => {
                    told.kept.push(name.clone());
                    now.insert(name.clone(), before.clone());
                }
                None => told.removed.push(name.clone()),
            }
        }
        told.added.extend(now.keys().filter(|name| !state.known.contains_key(*name)).cloned());
        if catalog.diagnostics().to_string() != state.wrong {
            told.diagnostics = catalog.diagnostics().clone();
        }
        let is_different = !told.added.is_empty() || !told.changed.is_empty() || !told.removed.is_empty();
        if !told.is_nothing() {
            state.news.push(told);
        }
        state.take(&self.models, &catalog, now);
        is_different
    }

    fn replace_list(&self, list: &str) -> Result<usize, ServiceError> {
        let mut state = self.state();
        config::load(&Sources::none().with_web_app(SYNCED, list))?;
        let catalog = load(&self.source.config_dir, Some(list))?;
        let path = &self.source.synced;
        let io = |e| ServiceError::Io { path: path.display().to_string(), source: e };
        private::write(path, list.as_bytes()).map_err(io)?;
        state.take(&self.models, &catalog, listed(&catalog));
        Ok(catalog.models().len())
    }
}

impl State {
    fn take(&mut self, models: &Models, catalog: &Catalog, known: BTreeMap<ModelName, Listed>) {
        models.replace(known.values().map(|listed| listed.model.clone()));
        self.known = known;
        self.wrong = match catalog.diagnostics() {
            none if none.is_empty() => String::new(),
            some => some.to_string(),
        };
        let first = |mistakes: &Diagnostics| {
            let views = mistakes.views();
            let mistake = views.first()?;
            let place = mistake.line.map(|line| format!(":{line}")).unwrap_or_default();
            Some(format!("{}{place}: {}", mistake.file, mistake.message))
        };
        let broken = catalog.broken().map(|(name, mistakes)| (name.clone(), first(mistakes)));
        self.broken = broken.map(|(name, first)| (name, first.unwrap_or_default())).collect();
    }
}

impl Source {
    fn list(&self) -> Result<Option<String>, ServiceError> {
        match std::fs::read_to_string(&self.synced) {
            Ok(list) => Ok(Some(list)),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(ServiceError::Io { path: self.synced.display().to_string(), source }),
        }
    }
}

#[async_trait]
impl SyncTarget for Files {
    async fn sync(&self, list: String) -> Result<usize, ServiceError> {
        let this = self.clone();
        let work = tokio::task::spawn_blocking(move || this.replace_list(&list));
        work.await.map_err(|e| ServiceError::Ended { reason: e.to_string() })?
    }

    fn remedies(&self, name: &ModelName) -> Vec<String> {
        let state = self.state();
        let folder = self.source.config_dir.display();
        if let Some(first) = state.broken.get(name) {
            return vec![
                format!("Its configuration has mistakes: {first}"),
                "Correct them; `csw models lint` shows all. The stack sees it by itself".to_owned(),
            ];
        }
        let known: Vec<String> = state.known.keys().take(10).map(ToString::to_string).collect();
        let known = match known.as_slice() {
            [] => "none yet".to_owned(),
            some => some.join(", "),
        };
        vec![
            format!("The stack takes its models from {folder}; there are: {known}"),
            format!("Write it there: `csw models new {name}`, or start a stack where its file is"),
        ]
    }
}

fn listed(catalog: &Catalog) -> BTreeMap<ModelName, Listed> {
    catalog.listed().iter().map(|listed| (listed.model.name.clone(), listed.clone())).collect()
}

fn load(config_dir: &Path, list: Option<&str>) -> Result<Catalog, ConfigError> {
    let files = Sources::files(config_dir);
    let sources = match list {
        Some(list) => files.with_web_app(SYNCED, list),
        None => files,
    };
    config::load_valid(&sources)
}
