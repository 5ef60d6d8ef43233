use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use super::process::Limits;
use super::python::PythonWorker;
use super::reply::Reply;
use super::sinks::redactor;
use super::{Launch, Sinks, command, story};
use crate::model::{Entry, TaskKwargs, TaskName, TaskResult};

/// Runs one task of a model in a process of its own, within its limits, and says how it ended. Whatever the model
/// does ends in a result: there is no error. Runs on the current tokio runtime; dropping the future ends the process.
pub async fn run(launch: &Launch, kwargs: &TaskKwargs, sinks: Sinks) -> TaskResult {
    let redactor = redactor(&sinks.secrets);
    let limits = limits_of(launch, sinks.cancel.clone());
    let mut reply = match &launch.entry {
        Entry::Python { .. } => python(launch, kwargs, &limits, sinks).await,
        Entry::Command { argv } => run_command(launch, argv, kwargs, &limits, sinks).await,
    };
    reply.body = reply.body.map_err(|text| story::explained(launch, redactor.text(&text)));
    reply.into_result(launch.task_id.clone(), launch.task)
}

/// The limits that a launch asks for.
pub(super) fn limits_of(launch: &Launch, cancel: CancellationToken) -> Limits {
    Limits { memory: launch.memory_bytes, time: launch.time_limit(), grace: launch.grace(), cancel }
}

async fn python(launch: &Launch, kwargs: &TaskKwargs, limits: &Limits, sinks: Sinks) -> Reply {
    let mut worker = match PythonWorker::start(launch, sinks) {
        Ok(worker) => worker,
        Err(why) => return Reply::failed(0.0, why),
    };
    let reply = worker.call(launch.task, kwargs, limits, true).await;
    worker.finish(limits).await;
    reply.0
}

/// A simulation's result names the model's version, which a command is asked for first.
pub(super) async fn run_command(
    launch: &Launch,
    argv: &[String],
    kwargs: &TaskKwargs,
    limits: &Limits,
    sinks: Sinks,
) -> Reply {
    let log = SharedLog(Arc::new(Mutex::new(sinks.log)));
    let sinks_for = |secrets: &BTreeMap<String, SecretString>| Sinks {
        log: Box::new(log.clone()),
        secrets: secrets.clone(),
        cancel: sinks.cancel.clone(),
    };
    let version = match launch.task {
        TaskName::Sim => {
            let none = TaskKwargs::new();
            let sinks = sinks_for(&sinks.secrets);
            let reply = command::call(launch, argv, TaskName::Version, &none, limits, sinks).await;
            match reply.body {
                Ok(value) => match value.get("version").and_then(|v| v.as_str()) {
                    Some(version) => Some(version.to_owned()),
                    None => {
                        let why =
                            "The command answered the task `version` without a `version` that is text.\n";
                        return Reply::failed(reply.seconds, why);
                    }
                },
                Err(why) => {
                    let what = "The command failed at the task `version`, before the simulation:".to_owned();
                    return Reply::failed(reply.seconds, story::with_cause(what, &why));
                }
            }
        }
        _ => None,
    };
    let mut reply = command::call(launch, argv, launch.task, kwargs, limits, sinks_for(&sinks.secrets)).await;
    reply.version = version;
    reply
}

/// A log that several processes write to, one after the other.
#[derive(Clone)]
struct SharedLog(Arc<Mutex<Box<dyn std::io::Write + Send>>>);

impl std::io::Write for SharedLog {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).flush()
    }
}
