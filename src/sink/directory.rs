use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::WriteError;
use crate::folder;
use crate::render::{Object, yaml};

/// Lists the files that csw wrote, a line each: what they belong to, a tab, the file's name.
const INDEX: &str = ".csw-files";
/// How the names of files begin and end that are not complete.
const TEMPORARY: (&str, &str) = (".csw-", ".new");

/// A folder with a file an object. Files are complete or not there: each is written under another name first and renamed
/// when all are written. Files of an earlier run of the same scopes that are not rendered any more are removed; what csw
/// did not write is never touched, unless that is asked for.
#[derive(Debug)]
pub struct DirectorySink {
    folder: PathBuf,
    force: bool,
    /// Files that are written but not renamed yet, with their scope.
    pending: BTreeMap<String, (String, tempfile::TempPath)>,
}

/// What became of the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Files that hold an object of this run.
    pub files: usize,
    /// Files of earlier runs that are gone.
    pub removed: usize,
}

impl DirectorySink {
    /// Whether the folder may be written to: it is not there, is empty, or csw has written to it before; `force` takes
    /// any.
    ///
    /// # Errors
    /// When it may not.
    pub fn check(folder: &Path, force: bool) -> Result<(), WriteError> {
        if !force && !folder.join(INDEX).exists() {
            folder::check_entries(folder, is_temporary)?;
        }
        Ok(())
    }

    /// Makes the folder if it is not there. With `force` other people's files in the place of csw's are replaced.
    ///
    /// # Errors
    /// When it can't be made, or others' files are in it.
    pub fn new(folder: PathBuf, force: bool) -> Result<Self, WriteError> {
        Self::check(&folder, force)?;
        fs::create_dir_all(&folder).map_err(at(&folder))?;
        Ok(Self { folder, force, pending: BTreeMap::new() })
    }

    /// Writes an object that belongs to `scope` (a model's short name, or the services), not yet under its own name. Only
    /// the user can read it: it may be a Secret.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn put(&mut self, scope: &str, object: &Object) -> Result<(), WriteError> {
        let mut text = String::new();
        yaml::write(&mut text, object)?;
        let mut file = tempfile::Builder::new()
            .prefix(TEMPORARY.0)
            .suffix(TEMPORARY.1)
            .tempfile_in(&self.folder)
            .map_err(at(&self.folder))?;
        file.write_all(text.as_bytes()).map_err(at(file.path()))?;
        self.pending.insert(file_name(object), (scope.to_owned(), file.into_temp_path()));
        Ok(())
    }

    /// Gives all files their names, and removes what earlier runs wrote for `scopes` and this one did not.
    ///
    /// # Errors
    /// When a file can't be renamed or removed; running again finishes it.
    pub fn finish(self, scopes: impl Fn(&str) -> bool) -> Result<Written, WriteError> {
        let before = read_index(&self.folder)?;
        let others = |file: &&String| !before.contains_key(*file) && self.folder.join(file).exists();
        if !self.force && self.pending.keys().any(|file| others(&file)) {
            let fits = |name: &str| !self.pending.contains_key(name) || before.contains_key(name);
            folder::check_entries(&self.folder, fits)?;
        }
        let stale: Vec<&String> = before
            .iter()
            .filter(|(file, scope)| scopes(scope) && !self.pending.contains_key(*file))
            .map(|(file, _)| file)
            .collect();
        let removed = stale.len();
        let mut after: BTreeMap<String, String> =
            before.iter().filter(|(_, scope)| !scopes(scope)).map(|(f, s)| (f.clone(), s.clone())).collect();
        after.extend(self.pending.iter().map(|(file, (scope, _))| (file.clone(), scope.clone())));
        // Killed in between, the index names what is there and what is to come, so that the next run can remove either.
        let mut both = before.clone();
        both.extend(after.clone());
        write_index(&self.folder, &both)?;
        for file in stale {
            let path = self.folder.join(file);
            match fs::remove_file(&path) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(at(&path)(e)),
                _ => {}
            }
        }
        let files = self.pending.len();
        for (file, (_, temporary)) in self.pending {
            let path = self.folder.join(file);
            temporary.persist(&path).map_err(|e| at(&path)(e.error))?;
        }
        write_index(&self.folder, &after)?;
        Ok(Written { files, removed })
    }
}

fn is_temporary(name: &str) -> bool {
    name.starts_with(TEMPORARY.0) && name.ends_with(TEMPORARY.1)
}

fn at(path: &Path) -> impl FnOnce(std::io::Error) -> WriteError {
    let path = path.to_owned();
    move |source| WriteError::File { path, source }
}

/// `<place in the install order>-<kind>-<name>.yaml`: `kubectl apply -f DIR` takes files in the order of their names.
fn file_name(object: &Object) -> String {
    format!("{:02}-{}-{}.yaml", object.order().number(), object.kind().to_lowercase(), object.name())
        .replace(['/', ':'], "_")
}

fn read_index(folder: &Path) -> Result<BTreeMap<String, String>, WriteError> {
    let path = folder.join(INDEX);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(e) => return Err(at(&path)(e)),
    };
    let mut files = BTreeMap::new();
    for (n, line) in text.lines().enumerate() {
        // A name that leads elsewhere was not written by csw, and must not be removed by it.
        let entry = line.split_once('\t').filter(|(_, f)| !f.contains('/') && f.ends_with(".yaml"));
        match entry {
            Some((scope, file)) => drop(files.insert(file.to_owned(), scope.to_owned())),
            None => return Err(WriteError::Index { path, line: n + 1, text: line.to_owned() }),
        }
    }
    Ok(files)
}

fn write_index(folder: &Path, files: &BTreeMap<String, String>) -> Result<(), WriteError> {
    let path = folder.join(INDEX);
    let text: String = files.iter().map(|(file, scope)| format!("{scope}\t{file}\n")).collect();
    let mut file = tempfile::Builder::new()
        .prefix(TEMPORARY.0)
        .suffix(TEMPORARY.1)
        .tempfile_in(folder)
        .map_err(at(folder))?;
    file.write_all(text.as_bytes()).map_err(at(&path))?;
    file.persist(&path).map_err(|e| at(&path)(e.error))?;
    Ok(())
}
