//! Where a model's repository is on this machine, and at which commit.

use std::fs;
use std::path::{Path, PathBuf};

use super::fingerprint;
use super::folders::digest;
use super::git::Mirror;
use super::tool::Tools;
use crate::beneath::Beneath;
use crate::executor::ExecutorError;
use crate::git::{GitError, WorkTree};
use crate::model::{Model, RepoLocation};

/// A repository that is ready to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) workdir: PathBuf,
    pub(super) commit: String,
    /// It is its author's own folder: nothing may be left in it.
    pub(super) in_place: bool,
}

/// Finds the model's repository. A branch or tag of a git URL that was resolved before stays at its commit until the
/// model's timestamp changes or `refresh` asks: a second time needs no network.
pub(super) async fn resolve(
    cache: &Path,
    model: &Model,
    refresh: bool,
    tools: &Tools<'_>,
) -> Result<Source, ExecutorError> {
    let tag = model.repo_tag.as_deref();
    match (&model.repo, tag) {
        (None, _) => Err(ExecutorError::NoRepository { model: model.name.clone() }),
        (Some(RepoLocation::Path(path)), None) => in_place(path, tools).await,
        (Some(RepoLocation::Path(path)), Some(tag)) => {
            is_folder(path)?;
            let place = WorkTree::around(path).map_err(|e| match e {
                GitError::NoRepository => ExecutorError::NotGit { path: path.clone(), tag: tag.to_owned() },
                source => ExecutorError::Git { path: path.clone(), source },
            })?;
            // Asking a folder on this machine costs nothing, and its author has just committed to it.
            let top = place.top.to_string_lossy();
            let mut source = at_commit(cache, model, &top, Some(tag), true, tools).await?;
            // The commit may have a link where there is a folder now.
            let outside = |e| ExecutorError::beneath(&source.workdir, &place.prefix, e);
            let checkout =
                Beneath::open(&source.workdir).map_err(|e| ExecutorError::io(&source.workdir, e))?;
            checkout.must_hold(&place.prefix).map_err(outside)?;
            source.workdir.push(&place.prefix);
            is_folder(&source.workdir)?;
            source.workdir =
                source.workdir.canonicalize().map_err(|e| ExecutorError::io(&source.workdir, e))?;
            Ok(source)
        }
        (Some(RepoLocation::Git(url)), tag) => {
            at_commit(cache, model, url.as_str(), tag, refresh, tools).await
        }
    }
}

async fn in_place(path: &Path, tools: &Tools<'_>) -> Result<Source, ExecutorError> {
    is_folder(path)?;
    let workdir = path.canonicalize().map_err(|e| ExecutorError::io(path, e))?;
    let commit = fingerprint::of(&workdir, tools.progress()).await?;
    Ok(Source { workdir, commit, in_place: true })
}

/// Whether a text is all the digits of a commit.
pub(super) fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit())
}

fn is_folder(path: &Path) -> Result<(), ExecutorError> {
    match fs::metadata(path) {
        Ok(meta) if meta.is_dir() => Ok(()),
        Ok(_) => Err(ExecutorError::io(path, std::io::ErrorKind::NotADirectory.into())),
        Err(e) => Err(ExecutorError::io(path, e)),
    }
}

async fn at_commit(
    cache: &Path,
    model: &Model,
    url: &str,
    tag: Option<&str>,
    refresh: bool,
    tools: &Tools<'_>,
) -> Result<Source, ExecutorError> {
    let mirror = Mirror::of(cache, url);
    let timestamp = model.timestamp.as_ref().map(ToString::to_string).unwrap_or_default();
    let id = digest([url.as_bytes(), tag.unwrap_or("HEAD").as_bytes(), timestamp.as_bytes()]);
    let record = cache.join("repos").join(format!("{id}.commit"));
    let exact = tag.filter(|t| is_commit(t));
    let known = match (exact, refresh) {
        (Some(commit), _) => mirror.resolve(Some(commit)).await,
        (None, true) => None,
        (None, false) => match fs::read_to_string(&record) {
            Ok(commit) => mirror.resolve(Some(commit.trim())).await,
            Err(_) => None,
        },
    };
    let commit = match known {
        Some(commit) => commit,
        None => {
            let commit = mirror.fetch(tag, tools).await?.ok_or_else(|| ExecutorError::NoRevision {
                url: url.to_owned(),
                tag: tag.unwrap_or("HEAD").to_owned(),
            })?;
            fs::write(&record, &commit).map_err(|e| ExecutorError::io(&record, e))?;
            commit
        }
    };
    let name = format!("{}-{}", model.name.owner(), model.name.title());
    let workdir = cache.join("checkouts").join(name).join(&commit);
    if !workdir.is_dir() {
        mirror.check_out(&commit, &workdir, tools).await?;
    }
    Ok(Source { workdir, commit, in_place: false })
}
