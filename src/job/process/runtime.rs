use std::collections::HashMap;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use secrecy::ExposeSecret;
use tokio::process::Command;
use tokio::sync::watch;

use super::folder::{Folders, io};
use super::identity::{Fate, ProcessIdentity, find_executor};
use super::{kill, logs, watch::ended};
use crate::job::{AttemptEnd, AttemptKey, AttemptSpec, AttemptState, JobRuntime, LogStream, RuntimeError};
use crate::model::{JobId, TaskResult};
use crate::private;

/// Environment variables of ours that an executor may see; everything else is the model's own configuration.
const PASSED_ON: [&str; 6] = ["PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ"];

/// Longer than the executor's own grace period, so that it is the executor that ends the model and says so.
const MARGIN: Duration = Duration::from_secs(3);

/// Runs each executor as `<program> job --job-id ID --route-name TASK`, a child in a process group of its own.
#[derive(Debug, Clone)]
pub struct ProcessRuntime {
    program: PathBuf,
    folders: Folders,
    children: Arc<Mutex<HashMap<AttemptKey, Child>>>,
}

/// A child of this process: how it ended is told once it has.
#[derive(Debug, Clone)]
struct Child {
    pid: u32,
    end: watch::Receiver<Option<AttemptEnd>>,
}

/// An attempt as it is found.
enum Found {
    Nothing,
    Child(Child),
    /// Started by an earlier run of this program.
    Adopted(ProcessIdentity),
    Ended(AttemptEnd),
}

impl ProcessRuntime {
    /// A runtime that starts `program` and keeps its files below `data_dir`.
    ///
    /// # Errors
    /// When the folders can't be made.
    pub fn new(program: PathBuf, data_dir: &Path) -> Result<Self, RuntimeError> {
        Ok(Self { program, folders: Folders::make(data_dir)?, children: Arc::default() })
    }

    fn child(&self, key: &AttemptKey) -> Option<Child> {
        self.children.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    fn find(&self, key: &AttemptKey) -> Result<Found, RuntimeError> {
        if let Some(child) = self.child(key) {
            let end = child.end.borrow().clone();
            return Ok(end.map_or(Found::Child(child), Found::Ended));
        }
        let folder = self.folders.attempt(key);
        let process = match self.folders.noted_process(key)? {
            Some(process) => process,
            None if !folder.exists() => return Ok(Found::Nothing),
            None => match find_executor(&folder) {
                Some(process) => process,
                // The crash came before the executor was started.
                None => return Ok(Found::Nothing),
            },
        };
        Ok(match process.fate() {
            Fate::Alive => Found::Adopted(process),
            fate => {
                Found::Ended(AttemptEnd { machine_lost: fate == Fate::MachineLost, ..AttemptEnd::default() })
            }
        })
    }

    fn command(&self, spec: &AttemptSpec, folder: &Path) -> Result<Command, RuntimeError> {
        let path = folder.join("log");
        let log = private::options().create(true).append(true).open(&path).map_err(|e| io(&path, e))?;
        let errors = log.try_clone().map_err(|e| io(&path, e))?;
        let mut command = Command::new(&self.program);
        command
            .args(["job", "--job-id", spec.key.id.as_str(), "--route-name", spec.task.as_str()])
            // Other processes can't see its environment.
            .arg("--job-dir")
            .arg(folder)
            .current_dir(folder)
            .env_clear()
            .envs(PASSED_ON.iter().filter_map(|name| Some((name, std::env::var_os(name)?))))
            .envs(spec.secrets.iter().map(|(name, value)| (name, value.expose_secret())))
            .env("OWNER", spec.model.owner())
            .env("TITLE", spec.model.title())
            .env("CSW_JOB_DIR", folder)
            .env("CSW_JOB_TOKEN", &spec.token.0)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .process_group(0)
            .kill_on_drop(false);
        if let Some(url) = &spec.outputs_processor {
            command.env("CSW_OUTPUTS_PROCESSOR", url.as_str());
        }
        if let Some(seconds) = spec.exp_task_time {
            command.env("EXP_TASK_TIME", seconds.as_secs_f64().to_string());
        }
        Ok(command)
    }

    /// Waits for a child and tells how it ended.
    fn reap(&self, key: AttemptKey, pid: u32, mut child: tokio::process::Child) {
        let (sender, end) = watch::channel(None);
        let children = Arc::clone(&self.children);
        children.lock().unwrap_or_else(PoisonError::into_inner).insert(key, Child { pid, end });
        tokio::spawn(async move {
            let end = match child.wait().await {
                Ok(status) => AttemptEnd::exited(status.code(), status.signal()),
                Err(e) => {
                    tracing::warn!("cannot wait for executor {pid}: {e}");
                    AttemptEnd::default()
                }
            };
            // An executor that was killed leaves its model behind.
            if let Err(e) = kill::kill_group(pid) {
                tracing::warn!("{e}");
            }
            sender.send_replace(Some(end));
        });
    }
}

#[async_trait]
impl JobRuntime for ProcessRuntime {
    async fn create(&self, spec: &AttemptSpec) -> Result<(), RuntimeError> {
        if !matches!(self.find(&spec.key)?, Found::Nothing) {
            return Ok(());
        }
        let folder = self.folders.prepare(&spec.key, &spec.launch, &spec.kwargs)?;
        let mut command = self.command(spec, &folder)?;
        let child = command
            .spawn()
            .map_err(|source| RuntimeError::Spawn { program: self.program.display().to_string(), source })?;
        // Only a child that was waited for has no id.
        let pid = child.id().unwrap_or_default();
        let identity = ProcessIdentity::of_child(pid);
        self.reap(spec.key.clone(), pid, child);
        self.folders.note_process(&spec.key, &identity)
    }

    async fn state(&self, key: &AttemptKey) -> Result<AttemptState, RuntimeError> {
        Ok(match self.find(key)? {
            Found::Nothing => AttemptState::Absent,
            Found::Child(_) | Found::Adopted(_) => AttemptState::Running,
            Found::Ended(end) => AttemptState::Ended(end),
        })
    }

    async fn wait(&self, key: &AttemptKey) -> Result<AttemptEnd, RuntimeError> {
        match self.find(key)? {
            Found::Nothing => Ok(AttemptEnd::default()),
            Found::Ended(end) => Ok(end),
            Found::Child(mut child) => {
                let end = child.end.wait_for(Option::is_some).await.map(|end| end.clone());
                Ok(end.ok().flatten().unwrap_or_default())
            }
            Found::Adopted(process) => {
                ended(&process).await?;
                kill::kill_group(process.pid)?;
                Ok(AttemptEnd::default())
            }
        }
    }

    async fn stop(&self, key: &AttemptKey, grace: Duration) -> Result<(), RuntimeError> {
        let pid = match self.find(key)? {
            Found::Nothing | Found::Ended(_) => return Ok(()),
            Found::Child(child) => child.pid,
            Found::Adopted(process) => process.pid,
        };
        kill::terminate(pid)?;
        match tokio::time::timeout(grace + MARGIN, self.wait(key)).await {
            Ok(outcome) => outcome.map(drop),
            Err(_) => {
                kill::kill_tree(pid)?;
                self.wait(key).await.map(drop)
            }
        }
    }

    async fn spooled(&self, key: &AttemptKey) -> Result<Option<TaskResult>, RuntimeError> {
        let (folders, key) = (self.folders.clone(), key.clone());
        blocking(move || folders.result(&key)).await
    }

    async fn logs(&self, key: &AttemptKey, follow: bool) -> Result<Option<LogStream>, RuntimeError> {
        let Some(file) = self.folders.log(key)? else { return Ok(None) };
        let (runtime, key) = (self.clone(), key.clone());
        Ok(Some(logs::stream(file, async move {
            if follow && let Err(e) = runtime.wait(&key).await {
                tracing::warn!("{e}");
            }
        })))
    }

    async fn note(&self, key: &AttemptKey, text: &str) -> Result<(), RuntimeError> {
        self.folders.note(key, text)
    }

    async fn log_tail(&self, key: &AttemptKey, bytes: u64) -> Result<String, RuntimeError> {
        match self.folders.log(key)? {
            Some(file) => logs::tail(file, bytes).map_err(|e| io(&self.folders.live_log(key), e)),
            None => Ok(String::new()),
        }
    }

    fn size(&self, id: &JobId, attempts: u32) -> u64 {
        self.folders.size(id, attempts)
    }

    async fn list(&self) -> Result<Vec<AttemptKey>, RuntimeError> {
        let folders = self.folders.clone();
        blocking(move || folders.list()).await
    }

    async fn put_away(&self, key: &AttemptKey) -> Result<(), RuntimeError> {
        let (folders, theirs) = (self.folders.clone(), key.clone());
        blocking(move || folders.put_away(&theirs)).await?;
        self.children.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
        Ok(())
    }

    async fn delete(&self, id: &JobId, attempts: u32) -> Result<(), RuntimeError> {
        let (folders, id) = (self.folders.clone(), id.clone());
        blocking(move || folders.delete(&id, attempts)).await
    }
}

/// File work that may take long, away from the threads that serve.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, RuntimeError> + Send + 'static,
) -> Result<T, RuntimeError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(e) => Err(RuntimeError::Io { path: "job folder".to_owned(), source: std::io::Error::other(e) }),
    }
}
