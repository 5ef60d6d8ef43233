use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::ConfigError;

/// Where models' configuration comes from.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    config_dir: Option<PathBuf>,
    paths: Vec<PathBuf>,
    web_app: Option<WebApp>,
}

/// The web app's answer to `GET {CS_URL}/publish/api/`, fetched by the caller.
#[derive(Debug, Clone)]
pub(super) struct WebApp {
    pub(super) url: String,
    pub(super) text: String,
}

/// A file to read, and what its path says about what should be in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct File {
    pub(super) path: PathBuf,
    /// Relative paths in it start here.
    pub(super) root: PathBuf,
    pub(super) position: Position,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Position {
    /// `<config>/<Owner>/<Title>.yaml`: one model of that name.
    Model { owner: String, title: String },
    /// `<config>/<any>.yaml`: a list.
    TopLevel,
    /// Deeper in the configuration's folder, where no model belongs.
    TooDeep,
    /// Named by the user: whatever it holds.
    Given,
}

/// A folder that can't be read, and the operating system's answer.
pub(super) type Unreadable = (PathBuf, io::Error);

impl Sources {
    /// The files below `config_dir`: `<Owner>/<Title>.yaml` with a model each, and lists of models `*.yaml` directly
    /// in it. A folder that isn't there holds none. Relative repository paths start at its parent.
    pub fn files(config_dir: impl Into<PathBuf>) -> Self {
        Self { config_dir: Some(config_dir.into()), ..Self::default() }
    }

    /// Nothing yet.
    pub fn none() -> Self {
        Self::default()
    }

    /// Adds a file (a model or a list of models) or a folder that is laid out as `config` is, except that files with
    /// one model may lie directly in it.
    #[must_use]
    pub fn with_path(mut self, path: impl Into<PathBuf>) -> Self {
        self.paths.push(path.into());
        self
    }

    /// Adds what the web app at `url` answered. What a file says about a model outweighs it.
    #[must_use]
    pub fn with_web_app(mut self, url: impl Into<String>, answer: impl Into<String>) -> Self {
        self.web_app = Some(WebApp { url: url.into(), text: answer.into() });
        self
    }

    pub(super) fn web_app(&self) -> Option<&WebApp> {
        self.web_app.as_ref()
    }

    /// Where was looked, for people.
    pub(super) fn described(&self) -> Vec<String> {
        let here = here();
        let folders = self.config_dir.iter().chain(&self.paths).map(|p| shown(p, &here));
        folders.chain(self.web_app.iter().map(|w| w.url.clone())).collect()
    }

    /// Every file, each once, in the order of their paths, and every folder that can't be read.
    pub(super) fn gather(&self) -> Result<(Vec<File>, Vec<Unreadable>), ConfigError> {
        let here = here();
        let mut files = Vec::new();
        let mut unreadable = Vec::new();
        if let Some(dir) = &self.config_dir {
            match fs::read_dir(dir) {
                Ok(_) => folder(&here.join(dir), Position::TopLevel, &mut files, &mut unreadable),
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                Err(source) => return Err(ConfigError::Io { path: dir.clone(), source }),
            }
        }
        for path in &self.paths {
            let whole = here.join(path);
            let meta =
                fs::metadata(&whole).map_err(|source| ConfigError::Io { path: path.clone(), source })?;
            if meta.is_dir() {
                folder(&whole, Position::Given, &mut files, &mut unreadable);
            } else {
                files.push(File { path: whole, root: here.clone(), position: Position::Given });
            }
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        files.dedup_by(|a, b| a.path == b.path);
        Ok((files, unreadable))
    }
}

fn folder(dir: &Path, top: Position, files: &mut Vec<File>, unreadable: &mut Vec<Unreadable>) {
    let root = dir.parent().unwrap_or(dir).to_owned();
    let mut add = |path: PathBuf, position: Position| files.push(File { path, root: root.clone(), position });
    for path in list(dir, unreadable) {
        if !path.is_dir() {
            if is_yaml(&path) && !is_settings(&path) {
                add(path, top.clone());
            }
            continue;
        }
        let owner = name(path.file_name());
        for path in list(&path, unreadable) {
            if path.is_dir() {
                for path in list(&path, unreadable).into_iter().filter(|p| is_yaml(p) && !p.is_dir()) {
                    add(path, Position::TooDeep);
                }
            } else if is_yaml(&path) {
                let title = name(path.file_stem());
                add(path, Position::Model { owner: owner.clone(), title });
            }
        }
    }
}

/// What is in a folder, without hidden entries.
fn list(dir: &Path, unreadable: &mut Vec<Unreadable>) -> Vec<PathBuf> {
    let read =
        || -> io::Result<Vec<PathBuf>> { fs::read_dir(dir)?.map(|entry| entry.map(|e| e.path())).collect() };
    match read() {
        Ok(mut paths) => {
            paths.retain(|p| !name(p.file_name()).starts_with('.'));
            paths
        }
        Err(e) => {
            unreadable.push((dir.to_owned(), e));
            Vec::new()
        }
    }
}

fn name(part: Option<&OsStr>) -> String {
    part.unwrap_or_default().to_string_lossy().into_owned()
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "yaml" || e == "yml")
}

fn is_settings(path: &Path) -> bool {
    matches!(name(path.file_name()).as_str(), "csw.yaml" | "cs-config.yaml")
}

pub(super) fn here() -> PathBuf {
    std::env::current_dir().unwrap_or_default()
}

/// The path as people should see it: relative to the working folder if below it.
pub(super) fn shown(path: &Path, here: &Path) -> String {
    let relative = path.strip_prefix(here).ok().filter(|p| !p.as_os_str().is_empty());
    relative.unwrap_or(path).display().to_string()
}
