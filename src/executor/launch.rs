use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::isolation::Confinement;
use crate::model::{Entry, JobId, ModelName, TaskName};

/// Everything that running one task of a model takes, except its arguments and the values of its secrets.
/// Written to `launch.json` by whoever starts `csw job`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Launch {
    /// The job's id.
    pub task_id: JobId,
    /// What is asked of the model.
    pub task: TaskName,
    /// The model.
    pub model: ModelName,
    /// How its functions are called.
    pub entry: Entry,
    /// The folder of its repository (absolute): the working folder of its process.
    pub workdir: PathBuf,
    /// What identifies the state of the repository: a warm worker serves one state only.
    #[serde(default)]
    pub commit: String,
    /// The interpreter of its environment (absolute); `None` means the entry's own, else `python3` on PATH.
    #[serde(default)]
    pub python: Option<PathBuf>,
    /// Its environment variables, besides the secrets.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Names of the environment variables that hold secrets.
    #[serde(default)]
    pub secret_names: Vec<String>,
    /// Bytes that the processes of the task may hold in memory together; `None` means no limit.
    #[serde(default)]
    pub memory_bytes: Option<u64>,
    /// Seconds after which the task is ended; `None` means no limit.
    #[serde(default)]
    pub time_limit_seconds: Option<f64>,
    /// Seconds between SIGTERM and SIGKILL when a task is ended.
    #[serde(default = "default_grace")]
    pub grace_seconds: f64,
    /// How its processes are kept from what is not theirs; `None` means that something around them does, if anything.
    #[serde(default)]
    pub confinement: Option<Confinement>,
}

fn default_grace() -> f64 {
    5.0
}

impl Launch {
    /// The time limit, if there is one that a clock can hold.
    pub fn time_limit(&self) -> Option<Duration> {
        self.time_limit_seconds.and_then(|s| Duration::try_from_secs_f64(s).ok())
    }

    /// The time between SIGTERM and SIGKILL.
    pub fn grace(&self) -> Duration {
        Duration::try_from_secs_f64(self.grace_seconds).unwrap_or_default()
    }
}
