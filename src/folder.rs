//! Folders that csw fills: each belongs to one thing, is filled whole or not at all, and never mixes two.

use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::error::{Diagnose, Exit};
use crate::private;

/// Says in a folder whose it is, and what csw has put there, a line each.
const MARK: &str = ".csw-folder";
/// Beginning of the names of what is on its way in or out.
const UNDER_WAY: &str = ".csw-part-";
/// Names that a message tells.
const SHOWN: usize = 3;

/// Why a folder can't be filled.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Something else is in it.
    #[error("{} is not empty and {}: it holds {}", path.display(), told(owner.as_deref()), entries.join(", "))]
    Occupied {
        /// The folder.
        path: PathBuf,
        /// What csw filled it with, if it did.
        owner: Option<String>,
        /// Some of what is there.
        entries: Vec<String>,
    },
    /// Replacing it would delete what nobody means.
    #[error("{} is not replaced: {reason}", path.display())]
    Protected {
        /// The folder.
        path: PathBuf,
        /// Why not.
        reason: &'static str,
    },
    /// It is there, and no folder.
    #[error("{} is not a folder", path.display())]
    NotAFolder {
        /// What is there.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("cannot write {}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The operating system's answer.
        source: std::io::Error,
    },
}

fn told(owner: Option<&str>) -> String {
    owner.map_or_else(|| "csw has not filled it".to_owned(), |owner| format!("belongs to {owner}"))
}

impl Diagnose for FolderError {
    fn exit(&self) -> Exit {
        Exit::Config
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Occupied { .. } => {
                vec!["Name another folder, or replace all that is in this one with --force".to_owned()]
            }
            Self::Protected { .. } | Self::NotAFolder { .. } => vec!["Name another folder".to_owned()],
            Self::Io { .. } => Vec::new(),
        }
    }
}

/// A folder on its way to be filled. Dropped before [`Filling::finish`], it leaves everything as it was.
#[derive(Debug)]
pub struct Filling {
    folder: PathBuf,
    owner: String,
    force: bool,
    /// Beside a folder that is to be made; inside one that is there, which may be a mount point or somebody's working
    /// folder.
    staging: TempDir,
    is_there: bool,
}

/// Whether `folder` may be filled for `owner`: it is not there, is empty, was filled for the same owner, or `force` says
/// that all that is in it may go.
///
/// # Errors
/// When it may not.
pub fn check(folder: &Path, owner: &str, force: bool) -> Result<(), FolderError> {
    let Some(entries) = entries(folder)? else { return Ok(()) };
    if entries.is_empty() {
        return Ok(());
    }
    let found = owner_of(folder);
    if found.as_deref() == Some(owner) {
        return Ok(());
    }
    if force { unprotected(folder) } else { Err(occupied(folder, found, &entries)) }
}

/// Refuses a folder in which there is anything but what `fits`. For files that share a folder with others of their kind.
///
/// # Errors
/// When there is, or it can't be read.
pub fn check_entries(folder: &Path, fits: impl Fn(&str) -> bool) -> Result<(), FolderError> {
    let mut strange = entries(folder)?.unwrap_or_default();
    strange.retain(|name| !fits(&name.to_string_lossy()));
    if strange.is_empty() { Ok(()) } else { Err(occupied(folder, owner_of(folder), &strange)) }
}

fn occupied(folder: &Path, owner: Option<String>, entries: &[OsString]) -> FolderError {
    let shown = |name: &OsString| name.to_string_lossy().replace(char::is_control, "\u{fffd}");
    let mut names: Vec<String> = entries.iter().map(shown).filter(|name| name != MARK).collect();
    names.sort();
    if names.len() > SHOWN {
        let more = names.len() - SHOWN;
        names.truncate(SHOWN);
        names.push(format!("and {more} more"));
    }
    FolderError::Occupied { path: folder.to_owned(), owner, entries: names }
}

impl Filling {
    /// Begins to fill `folder` for `owner`, a sentence's end such as "job run-1 of Me/Dice".
    ///
    /// # Errors
    /// As [`check`], and when nothing can be written there.
    pub fn begin(folder: &Path, owner: &str, force: bool) -> Result<Self, FolderError> {
        check(folder, owner, force)?;
        let is_there = folder.is_dir();
        let place = match folder.parent() {
            _ if is_there => folder,
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        private::create_users_folder(place).map_err(|source| io(place, source))?;
        let staging = part(place)?;
        Ok(Self { folder: folder.to_owned(), owner: owner.to_owned(), force, staging, is_there })
    }

    /// Where to write what shall be in the folder.
    pub fn path(&self) -> &Path {
        self.staging.path()
    }

    /// Gives everything its place. What the same owner had there goes; what others have put beside it stays, unless
    /// `force` was said.
    ///
    /// # Errors
    /// When something else has taken the folder meanwhile, or it can't be written.
    pub fn finish(self) -> Result<(), FolderError> {
        let Self { folder, owner, force, staging, is_there } = self;
        write_mark(staging.path(), &owner)?;
        if !is_there {
            return match fs::rename(staging.path(), &folder) {
                Ok(()) => {
                    // What it would remove has another name now.
                    drop(staging.keep());
                    private::follow_umask(&folder, 0o777).map_err(|source| io(&folder, source))
                }
                Err(_) if folder.exists() => {
                    check(&folder, &owner, false)?;
                    Err(io(&folder, ErrorKind::AlreadyExists.into()))
                }
                Err(source) => Err(io(&folder, source)),
            };
        }
        // Once more: filling may have taken a while.
        check(&folder, &owner, force)?;
        let foreign = owner_of(&folder).is_none_or(|found| found != owner);
        let (before, new) = (mark(&folder).split_off(1), list(staging.path())?);
        let out = part(&folder)?;
        for name in entries(&folder)?.unwrap_or_default() {
            let ours = || new.contains(&name) || before.iter().any(|ours| name == ours.as_str());
            if foreign || name == MARK || ours() {
                let (from, to) = (folder.join(&name), out.path().join(&name));
                fs::rename(&from, &to).map_err(|source| io(&from, source))?;
            }
        }
        for name in new {
            let to = folder.join(&name);
            fs::rename(staging.path().join(&name), &to).map_err(|source| io(&to, source))?;
        }
        Ok(())
    }
}

fn write_mark(folder: &Path, owner: &str) -> Result<(), FolderError> {
    let mut text = format!("{owner}\n").into_bytes();
    for name in list(folder)? {
        text.extend(name.as_encoded_bytes());
        text.push(b'\n');
    }
    let path = folder.join(MARK);
    fs::write(&path, text)
        .and_then(|()| private::follow_umask(&path, 0o666))
        .map_err(|source| io(&path, source))
}

/// The lines of the mark: at least one, which is empty where there is no mark.
fn mark(folder: &Path) -> Vec<String> {
    let text = fs::read_to_string(folder.join(MARK)).unwrap_or_default();
    let lines = text.lines().map(|line| line.chars().filter(|c| !c.is_control()).collect());
    let mut lines: Vec<String> = lines.collect();
    lines.resize(lines.len().max(1), String::new());
    lines
}

/// What csw has filled the folder with, if it did.
pub fn owner_of(folder: &Path) -> Option<String> {
    mark(folder).into_iter().next().filter(|owner| !owner.is_empty())
}

fn part(folder: &Path) -> Result<TempDir, FolderError> {
    tempfile::Builder::new()
        .prefix(UNDER_WAY)
        // As any new folder: the umask decides.
        .permissions(fs::Permissions::from_mode(0o777))
        .tempdir_in(folder)
        .map_err(|source| io(folder, source))
}

/// What is in the folder, leftovers of a run that was killed aside; `None` if there is no such folder.
fn entries(folder: &Path) -> Result<Option<Vec<OsString>>, FolderError> {
    match fs::metadata(folder) {
        Ok(found) if found.is_dir() => {}
        Ok(_) => return Err(FolderError::NotAFolder { path: folder.to_owned() }),
        Err(e) if e.kind() == ErrorKind::NotFound && fs::symlink_metadata(folder).is_err() => {
            return Ok(None);
        }
        Err(source) => return Err(io(folder, source)),
    }
    let mut names = list(folder)?;
    names.retain(|name| !name.to_string_lossy().starts_with(UNDER_WAY));
    Ok(Some(names))
}

fn list(folder: &Path) -> Result<Vec<OsString>, FolderError> {
    let entries = fs::read_dir(folder).map_err(|source| io(folder, source))?;
    let names = entries.map(|entry| entry.map(|entry| entry.file_name())).collect::<Result<_, _>>();
    names.map_err(|source| io(folder, source))
}

/// `--force` may mean a folder of results, and never one that somebody lives in.
fn unprotected(folder: &Path) -> Result<(), FolderError> {
    let real = fs::canonicalize(folder).map_err(|source| io(folder, source))?;
    let holds = |other: Option<PathBuf>| {
        other.and_then(|other| fs::canonicalize(other).ok()).is_some_and(|other| other.starts_with(&real))
    };
    let protected = |reason| Err(FolderError::Protected { path: folder.to_owned(), reason });
    if holds(std::env::home_dir()) {
        return protected("it holds your home folder");
    }
    if holds(std::env::current_dir().ok()) {
        return protected("it holds the working folder");
    }
    if real.join(".git").exists() {
        return protected("it is a git repository");
    }
    Ok(())
}

fn io(path: &Path, source: std::io::Error) -> FolderError {
    FolderError::Io { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(folder: &Path, owner: &str, force: bool, files: &[&str]) -> Result<(), FolderError> {
        let filling = Filling::begin(folder, owner, force)?;
        for file in files {
            let path = filling.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, owner).unwrap();
        }
        filling.finish()
    }

    fn files(folder: &Path) -> Vec<String> {
        let mut found = Vec::new();
        let mut left = vec![folder.to_owned()];
        while let Some(next) = left.pop() {
            for entry in fs::read_dir(next).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => left.push(path),
                    false => found.push(path.strip_prefix(folder).unwrap().display().to_string()),
                }
            }
        }
        found.sort();
        found
    }

    #[test]
    fn a_folder_holds_one_thing_and_is_filled_whole_or_not_at_all() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        fs::create_dir(at("empty")).unwrap();
        fs::create_dir(at("strange")).unwrap();
        fs::write(at("strange/mine"), "").unwrap();
        fs::write(at("file"), "").unwrap();
        for name in ["new/deep", "empty"] {
            fill(&at(name), "job a", false, &["renderable/a", "downloadable/x"]).unwrap();
            fs::write(at(name).join("notes"), "").unwrap();
            // The same again has less, and leaves alone what somebody has put there.
            fill(&at(name), "job a", false, &["renderable/b"]).unwrap();
            assert_eq!(files(&at(name)), [".csw-folder", "notes", "renderable/b"]);
            let error = fill(&at(name), "job b", false, &["renderable/c"]).unwrap_err();
            assert!(error.to_string().contains("belongs to job a: it holds notes, renderable"), "{error}");
            assert_eq!(files(&at(name)), [".csw-folder", "notes", "renderable/b"]);
            fill(&at(name), "job b", true, &["renderable/c"]).unwrap();
            assert_eq!(files(&at(name)), [".csw-folder", "renderable/c"]);
        }
        let error = fill(&at("strange"), "job a", false, &["renderable/a"]).unwrap_err();
        assert!(error.to_string().contains("csw has not filled it: it holds mine"), "{error}");
        assert!(matches!(fill(&at("file"), "job a", true, &[]).unwrap_err(), FolderError::NotAFolder { .. }));
        let given_up = Filling::begin(&at("later"), "job a", false).unwrap();
        fs::write(given_up.path().join("half"), "").unwrap();
        drop(given_up);
        // What a killed run has left is nobody's.
        fs::create_dir_all(at("killed/.csw-part-x")).unwrap();
        fill(&at("killed"), "job a", false, &["renderable/a"]).unwrap();
        let mut there: Vec<String> =
            list(place.path()).unwrap().into_iter().map(|name| name.into_string().unwrap()).collect();
        there.sort();
        assert_eq!(there, ["empty", "file", "killed", "new", "strange"]);
    }

    #[test]
    fn force_spares_where_somebody_lives() {
        let place = tempfile::tempdir().unwrap();
        fs::create_dir(place.path().join(".git")).unwrap();
        let here = std::env::current_dir().unwrap();
        for folder in [Path::new("/"), Path::new("."), here.as_path(), place.path()] {
            let error = check(folder, "job a", true).unwrap_err();
            assert!(matches!(error, FolderError::Protected { .. }), "{}: {error}", folder.display());
        }
    }
}
