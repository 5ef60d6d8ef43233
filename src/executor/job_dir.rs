use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use super::{ExecutorError, Launch};
use crate::isolation::Scratch;
use crate::model::{TaskKwargs, TaskResult};

/// The folder of one attempt of a job: `launch.json` and `kwargs.json` go in, `result.json` comes out.
#[derive(Debug, Clone)]
pub struct JobDir(PathBuf);

impl JobDir {
    /// The attempt's folder; nothing is read yet.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self(folder.into())
    }

    /// What is to be run.
    ///
    /// # Errors
    /// When the file can't be read or is no launch.
    pub fn launch(&self) -> Result<Launch, ExecutorError> {
        read(&self.0.join("launch.json"))
    }

    /// What it is called with.
    ///
    /// # Errors
    /// When the file can't be read or is no JSON object.
    pub fn kwargs(&self) -> Result<TaskKwargs, ExecutorError> {
        read(&self.0.join("kwargs.json"))
    }

    /// Writes both inputs.
    ///
    /// # Errors
    /// When a file can't be written.
    pub fn write_inputs(&self, launch: &Launch, kwargs: &TaskKwargs) -> Result<(), ExecutorError> {
        fs::create_dir_all(&self.0).map_err(|e| ExecutorError::io(&self.0, e))?;
        write(&self.0, "launch.json", launch)?;
        write(&self.0, "kwargs.json", kwargs)
    }

    /// Makes the folder that is the attempt's own. Whoever drops the attempt finds it by a link, should this process be
    /// killed.
    ///
    /// # Errors
    /// When it can't be made.
    pub fn make_scratch(&self) -> Result<Scratch, ExecutorError> {
        let link = self.0.join(Scratch::LINK);
        if let Ok(before) = fs::read_link(&link) {
            // Of an executor that was killed before anybody knew of it.
            remove(&before, fs::remove_dir_all(&before))?;
            remove(&link, fs::remove_file(&link))?;
        }
        let scratch = Scratch::new().map_err(|e| ExecutorError::io(&std::env::temp_dir(), e))?;
        std::os::unix::fs::symlink(scratch.path(), &link).map_err(|e| ExecutorError::io(&link, e))?;
        Ok(scratch)
    }

    /// The result with its raw outputs, if the attempt got so far.
    ///
    /// # Errors
    /// When the file is there and can't be read.
    pub fn result(&self) -> Result<Option<TaskResult>, ExecutorError> {
        match read(&self.0.join("result.json")) {
            Err(ExecutorError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
            other => other.map(Some),
        }
    }

    /// Keeps the result so that it survives a crash at any moment: it is there whole, or not at all.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn spool(&self, result: &TaskResult) -> Result<(), ExecutorError> {
        write(&self.0, "result.json", result)
    }
}

fn remove(path: &Path, outcome: io::Result<()>) -> Result<(), ExecutorError> {
    match outcome {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(ExecutorError::io(path, e)),
        _ => Ok(()),
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T, ExecutorError> {
    // Reading whole first is many times faster than parsing from a stream.
    let bytes = fs::read(path).map_err(|e| ExecutorError::io(path, e))?;
    serde_json::from_slice(&bytes)
        .map_err(|error| ExecutorError::Json { path: path.display().to_string(), error })
}

fn write(folder: &Path, name: &str, value: &impl serde::Serialize) -> Result<(), ExecutorError> {
    let path = folder.join(name);
    let failed = |e: io::Error| ExecutorError::io(&path, e);
    let temporary =
        tempfile::Builder::new().prefix(".").suffix(".tmp").tempfile_in(folder).map_err(failed)?;
    let mut writer = BufWriter::with_capacity(1 << 16, temporary);
    serde_json::to_writer(&mut writer, value).map_err(|e| failed(e.into()))?;
    writer.flush().map_err(failed)?;
    let temporary = writer.into_inner().map_err(|e| failed(e.into_error()))?;
    temporary.as_file().sync_all().map_err(failed)?;
    temporary.persist(&path).map_err(|e| failed(e.error))?;
    // The name has to survive as well as the content.
    File::open(folder).and_then(|f| f.sync_all()).map_err(failed)
}
