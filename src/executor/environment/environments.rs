use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use tokio::sync::OnceCell;

use super::folders::digest;
use super::git;
use super::interpreter::Interpreter;
use super::needs::Needs;
use super::source::{self, Source};
use super::tool::Tools;
use super::uv::Uv;
use super::venv::Installer;
use super::{PrepareProgress, lock, venv};
use crate::executor::ExecutorError;
use crate::model::{Entry, Model};

/// Bumped when environments are made differently: older ones are not used any more.
const GENERATION: &[u8] = b"2";

/// A model that can be launched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Prepared {
    /// The folder of its repository (absolute).
    pub workdir: PathBuf,
    /// Its interpreter (absolute); `None` if the model names its own, or is a command.
    pub python: Option<PathBuf>,
    /// The commit of the repository; `local-…` for a folder with changes that no commit holds.
    pub commit: String,
    /// The lock that its environment was made of; `None` if it has none of its own, or conda or pip made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lock: Option<PathBuf>,
    /// Environment variables that its processes need.
    pub env: BTreeMap<String, String>,
    /// What its processes have to read besides the repository's folder.
    #[serde(skip)]
    pub reads: Vec<PathBuf>,
}

/// Makes models ready to run and remembers that they are. One value a process is enough; it may be shared.
pub struct Environments {
    cache: PathBuf,
    base_python: String,
    interpreter: OnceCell<Interpreter>,
}

impl Environments {
    /// Works below `cache_dir` and makes environments with `base_python`, a name on PATH or a path. Nothing is
    /// touched yet.
    pub fn new(cache_dir: impl Into<PathBuf>, base_python: impl Into<String>) -> Self {
        let cache = cache_dir.into();
        Self {
            cache: std::path::absolute(&cache).unwrap_or(cache),
            base_python: base_python.into(),
            interpreter: OnceCell::new(),
        }
    }

    /// Makes the model ready: its repository at its commit, and its environment. Milliseconds and no network if that
    /// was done before and nothing has changed. Safe to call at once from several tasks and processes, and again
    /// after being killed at any moment.
    ///
    /// # Errors
    /// When the repository can't be had, a tool is missing, or what the model needs can't be installed.
    pub async fn prepare(
        &self,
        model: &Model,
        progress: &dyn PrepareProgress,
    ) -> Result<Prepared, ExecutorError> {
        self.make(model, false, progress).await
    }

    /// As [`prepare`](Self::prepare), and asks the repository first whether its branch or tag has moved.
    ///
    /// # Errors
    /// As [`prepare`](Self::prepare).
    pub async fn refresh(
        &self,
        model: &Model,
        progress: &dyn PrepareProgress,
    ) -> Result<Prepared, ExecutorError> {
        self.make(model, true, progress).await
    }

    async fn make(
        &self,
        model: &Model,
        refresh: bool,
        progress: &dyn PrepareProgress,
    ) -> Result<Prepared, ExecutorError> {
        let log = self.cache.join("logs").join(format!("{}-{}.log", model.name.owner(), model.name.title()));
        let tools = Tools::new(log, progress);
        let source = source::resolve(&self.cache, model, refresh, &tools).await?;
        let objects = git::shared_objects(&source.workdir);
        let plain = |python, prefixes: Vec<PathBuf>| Prepared {
            workdir: source.workdir.clone(),
            python,
            commit: source.commit.clone(),
            lock: None,
            env: BTreeMap::new(),
            reads: prefixes.into_iter().chain(objects.clone()).collect(),
        };
        if let Entry::Python { interpreter: Some(name) } = &model.entry {
            // Whoever names an interpreter has made its environment. One that is not there is told of when it is started.
            let found = Interpreter::find(name).await.map(|i| i.prefixes).unwrap_or_default();
            return Ok(plain(None, found));
        }
        let needs = Needs::read(&source.workdir)?;
        needs.must_stay_inside(&source.workdir)?;
        match (&model.entry, needs.nothing()) {
            (Entry::Command { .. }, true) => return Ok(plain(None, Vec::new())),
            (Entry::Python { .. }, true) => {
                let Interpreter { path, prefixes, .. } = self.interpreter().await?.clone();
                return Ok(plain(Some(path), prefixes));
            }
            (_, false) => {}
        }
        let base = self.interpreter().await?;
        let (folder, lock) = self.environment(&needs, &source, base, &tools).await?;
        Ok(Prepared {
            workdir: source.workdir,
            python: matches!(model.entry, Entry::Python { .. }).then(|| venv::python_of(&folder)),
            commit: source.commit,
            lock,
            env: variables(&folder, &needs),
            reads: base.prefixes.iter().cloned().chain([folder]).chain(objects).collect(),
        })
    }

    /// An environment of what is needed, and the lock that it was made of, if it was.
    async fn environment(
        &self,
        needs: &Needs,
        source: &Source,
        base: &Interpreter,
        tools: &Tools<'_>,
    ) -> Result<(PathBuf, Option<PathBuf>), ExecutorError> {
        let envs = self.cache.join("envs");
        let conda = needs.conda.as_ref().and_then(|_| conda_program());
        let asked = key(needs, source, base, conda.as_deref());
        let (unlocked, lock) = (envs.join(&asked), lock::path(&self.cache, &asked));
        let locked = || -> Result<Option<PathBuf>, ExecutorError> {
            let found = lock::read(&lock)?;
            Ok(found.map(|found| envs.join(key_of_lock(&found, needs, base, &asked))))
        };
        if let Some(folder) = locked()?.filter(|folder| venv::is_ready(folder)) {
            return Ok((folder, Some(lock)));
        }
        if venv::is_ready(&unlocked) {
            return Ok((unlocked, None));
        }
        for note in &needs.notes {
            tools.progress().note(note);
        }
        let copy = venv::copied(needs, source)?;
        let from = (source, copy.as_ref().map_or(source.workdir.as_path(), |copy| copy.path()));
        if let Some(program) = &conda {
            venv::make(&unlocked, needs, from, base, Installer::Conda(program), tools).await?;
            return Ok((unlocked, None));
        }
        venv::check_without_conda(needs, base, tools)?;
        match Uv::find(&self.cache, base, tools).await? {
            Ok(uv) => {
                lock::make(&lock, needs, from.1, base, &uv, tools).await?;
                let folder = locked()?.unwrap_or(unlocked);
                venv::make(&folder, needs, from, base, Installer::Uv(&uv, &lock), tools).await?;
                Ok((folder, Some(lock)))
            }
            Err(why) => {
                let why = why.lines().last().unwrap_or_default().to_owned();
                tools
                    .progress()
                    .note(&format!("uv is not there, so pip installs packages, and locks nothing: {why}"));
                venv::make(&unlocked, needs, from, base, Installer::Pip, tools).await?;
                Ok((unlocked, None))
            }
        }
    }

    async fn interpreter(&self) -> Result<&Interpreter, ExecutorError> {
        self.interpreter.get_or_try_init(|| Interpreter::find(&self.base_python)).await
    }
}

/// What an environment depends on. Not on the commit, unless the repository has to be installed to be imported.
fn key(needs: &Needs, source: &Source, base: &Interpreter, conda: Option<&Path>) -> String {
    let base_path = base.path.to_string_lossy();
    let mut parts: Vec<&[u8]> = vec![GENERATION, base_path.as_bytes(), base.full_version.as_bytes()];
    let program = conda.map(|c| c.to_string_lossy().into_owned()).unwrap_or_default();
    parts.push(program.as_bytes());
    for (name, content) in &needs.files {
        parts.extend([name.as_bytes(), content]);
    }
    let workdir = source.workdir.to_string_lossy();
    if needs.bound || needs.pinned {
        parts.extend([source.commit.as_bytes(), workdir.as_bytes()]);
    }
    digest(parts)
}

/// What an environment of a lock depends on. Models of one lock share it, unless it holds something of a repository.
fn key_of_lock(lock: &[u8], needs: &Needs, base: &Interpreter, asked: &str) -> String {
    let base_path = base.path.to_string_lossy();
    let mut parts: Vec<&[u8]> = vec![GENERATION, base_path.as_bytes(), base.full_version.as_bytes(), lock];
    if !needs.projects.is_empty() || needs.pinned || needs.hashed() {
        // Among what this is made of are the files that say so, and the commit where it counts.
        parts.push(asked.as_bytes());
    }
    digest(parts)
}

/// What activating the environment would set.
fn variables(folder: &Path, needs: &Needs) -> BTreeMap<String, String> {
    let bin = folder.join("bin");
    let path = match std::env::var("PATH") {
        Ok(path) if !path.is_empty() => format!("{}:{path}", bin.display()),
        _ => format!("{}:/usr/local/bin:/usr/bin:/bin", bin.display()),
    };
    let mut env = needs.conda.as_ref().map(|(_, c)| c.variables.clone()).unwrap_or_default();
    env.insert("PATH".into(), path);
    env.insert("VIRTUAL_ENV".into(), folder.display().to_string());
    if needs.bound {
        // The repository's folder would hide what was built from it.
        env.insert("PYTHONSAFEPATH".into(), "1".into());
    }
    env
}

/// The first of the programs that make environments from an `environment.yml`.
fn conda_program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    ["micromamba", "mamba", "conda"]
        .iter()
        .find_map(|name| std::env::split_paths(&path).map(|folder| folder.join(name)).find(|p| p.is_file()))
}

impl fmt::Debug for Environments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environments").field("cache", &self.cache).finish_non_exhaustive()
    }
}
