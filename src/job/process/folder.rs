use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::identity::ProcessIdentity;
use crate::isolation::Scratch;
use crate::job::{AttemptKey, RuntimeError};
use crate::model::{JobId, TaskResult};
use crate::private::{self, NotPrivate};

/// Where attempts live: `jobs/<id>/<attempt>/` while they run, `logs/<id>.<attempt>.log` afterwards. So the first
/// holds what is alive only, however many jobs went through.
#[derive(Debug, Clone)]
pub(super) struct Folders {
    jobs: PathBuf,
    logs: PathBuf,
}

impl Folders {
    pub(super) fn make(data_dir: &Path) -> Result<Self, RuntimeError> {
        let folders = Self { jobs: data_dir.join("jobs"), logs: data_dir.join("logs") };
        for folder in [&folders.jobs, &folders.logs] {
            make_private(folder)?;
        }
        Ok(folders)
    }

    pub(super) fn attempt(&self, key: &AttemptKey) -> PathBuf {
        self.jobs.join(key.id.as_str()).join(key.attempt.to_string())
    }

    pub(super) fn live_log(&self, key: &AttemptKey) -> PathBuf {
        self.attempt(key).join("log")
    }

    fn kept_log(&self, id: &JobId, attempt: u32) -> PathBuf {
        // A job's id has no dot.
        self.logs.join(format!("{id}.{attempt}.log"))
    }

    /// The log, wherever it is now.
    pub(super) fn log(&self, key: &AttemptKey) -> Result<Option<fs::File>, RuntimeError> {
        // It may be put away between the two looks, but never comes back.
        for path in [self.live_log(key), self.kept_log(&key.id, key.attempt)] {
            match fs::File::open(&path) {
                Ok(file) => return Ok(Some(file)),
                Err(e) if e.kind() == ErrorKind::NotFound => {}
                Err(e) => return Err(io(&path, e)),
            }
        }
        Ok(None)
    }

    /// Adds to the log of an attempt, wherever it is now.
    pub(super) fn note(&self, key: &AttemptKey, text: &str) -> Result<(), RuntimeError> {
        let kept = self.kept_log(&key.id, key.attempt);
        let path = if kept.exists() {
            kept
        } else {
            make_private(&self.attempt(key))?;
            self.live_log(key)
        };
        let file = fs::File::options().create(true).append(true).open(&path);
        file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|e| io(&path, e))
    }

    pub(super) fn prepare(
        &self,
        key: &AttemptKey,
        launch: &impl Serialize,
        kwargs: &impl Serialize,
    ) -> Result<PathBuf, RuntimeError> {
        let folder = self.attempt(key);
        make_private(&folder)?;
        write_json(&folder.join("launch.json"), launch)?;
        write_json(&folder.join("kwargs.json"), kwargs)?;
        Ok(folder)
    }

    /// Not fsynced: it says which process lives, and no process outlives the machine.
    pub(super) fn note_process(
        &self,
        key: &AttemptKey,
        process: &ProcessIdentity,
    ) -> Result<(), RuntimeError> {
        let path = self.attempt(key).join("process.json");
        let part = path.with_extension("part");
        write_json(&part, process)?;
        fs::rename(&part, &path).map_err(|e| io(&path, e))
    }

    pub(super) fn noted_process(&self, key: &AttemptKey) -> Result<Option<ProcessIdentity>, RuntimeError> {
        read_json(&self.attempt(key).join("process.json"))
    }

    pub(super) fn result(&self, key: &AttemptKey) -> Result<Option<TaskResult>, RuntimeError> {
        read_json(&self.attempt(key).join("result.json"))
    }

    pub(super) fn list(&self) -> Result<Vec<AttemptKey>, RuntimeError> {
        let mut found = Vec::new();
        for (name, folder) in entries(&self.jobs)? {
            let Ok(id) = name.parse::<JobId>() else { continue };
            for (name, _) in entries(&folder)? {
                if let Ok(attempt) = name.parse() {
                    found.push(AttemptKey { id: id.clone(), attempt });
                }
            }
        }
        found.sort_unstable();
        Ok(found)
    }

    /// Keeps the log, unless there is nothing in it, and drops the rest.
    pub(super) fn put_away(&self, key: &AttemptKey) -> Result<(), RuntimeError> {
        let log = self.live_log(key);
        match fs::metadata(&log) {
            Ok(found) if found.len() > 0 => {
                let kept = self.kept_log(&key.id, key.attempt);
                fs::rename(&log, &kept).map_err(|e| io(&kept, e))?;
            }
            Ok(_) => {}
            Err(e) if e.kind() == ErrorKind::NotFound => {}
            Err(e) => return Err(io(&log, e)),
        }
        let folder = self.attempt(key);
        remove_scratch(&folder);
        absent_is_fine(fs::remove_dir_all(&folder)).map_err(|e| io(&folder, e))?;
        let job = self.jobs.join(key.id.as_str());
        match fs::remove_dir(&job) {
            // Another attempt is still there.
            Err(e) if e.kind() == ErrorKind::DirectoryNotEmpty => Ok(()),
            other => absent_is_fine(other).map_err(|e| io(&job, e)),
        }
    }

    /// Bytes of the logs that are kept.
    pub(super) fn size(&self, id: &JobId, attempts: u32) -> u64 {
        let size = |path: PathBuf| fs::metadata(path).map_or(0, |found| found.len());
        (0..=attempts).map(|attempt| size(self.kept_log(id, attempt))).sum()
    }

    pub(super) fn delete(&self, id: &JobId, attempts: u32) -> Result<(), RuntimeError> {
        let job = self.jobs.join(id.as_str());
        for attempt in 1..=attempts {
            remove_scratch(&job.join(attempt.to_string()));
        }
        absent_is_fine(fs::remove_dir_all(&job)).map_err(|e| io(&job, e))?;
        for attempt in 0..=attempts {
            let log = self.kept_log(id, attempt);
            absent_is_fine(fs::remove_file(&log)).map_err(|e| io(&log, e))?;
        }
        Ok(())
    }
}

/// Removes the folder that was the attempt's own, if its executor has not.
fn remove_scratch(attempt: &Path) {
    let Ok(folder) = fs::read_link(attempt.join(Scratch::LINK)) else { return };
    if let Err(e) = absent_is_fine(fs::remove_dir_all(&folder)) {
        // The model may have made it so; what is left is no more than a folder of temporary files.
        tracing::warn!("cannot remove {}: {e}", folder.display());
    }
}

pub(super) fn io(path: &Path, source: std::io::Error) -> RuntimeError {
    RuntimeError::Io { path: path.display().to_string(), source }
}

fn absent_is_fine(outcome: std::io::Result<()>) -> std::io::Result<()> {
    match outcome {
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Inputs, logs and results are nobody else's business.
fn make_private(folder: &Path) -> Result<(), RuntimeError> {
    match private::folder(folder) {
        Ok(_) => Ok(()),
        Err(NotPrivate::Io { path, source }) => Err(RuntimeError::Io { path, source }),
        Err(e) => Err(io(folder, std::io::Error::other(e))),
    }
}

fn entries(folder: &Path) -> Result<Vec<(String, PathBuf)>, RuntimeError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(|e| io(folder, e))? {
        let entry = entry.map_err(|e| io(folder, e))?;
        if entry.file_type().is_ok_and(|t| t.is_dir())
            && let Ok(name) = entry.file_name().into_string()
        {
            found.push((name, entry.path()));
        }
    }
    Ok(found)
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<(), RuntimeError> {
    let text = serde_json::to_vec(value).map_err(|e| io(path, e.into()))?;
    private::create(path).and_then(|mut file| file.write_all(&text)).map_err(|e| io(path, e))
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, RuntimeError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(io(path, e)),
    };
    let damaged = |e: serde_json::Error| RuntimeError::Damaged {
        path: path.display().to_string(),
        reason: crate::expectation::json(&e),
    };
    serde_json::from_slice(&bytes).map(Some).map_err(damaged)
}
