//! Command models: one process a call, the request on its stdin, the result on its stdout.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use serde::Serialize;
use serde_json::{Map, Value};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::environ::{clean_environment, confined, scratch};
use super::log::{LogPump, log_pipe};
use super::process::{Ended, Limits, ModelProcess, describe};
use super::python::RESULT_LIMIT;
use super::reply::Reply;
use super::sinks::redactor;
use super::story;
use super::{Launch, Sinks};
use crate::isolation::Scratch;
use crate::model::{TaskKwargs, TaskName, numbers};
use crate::secret::Redactor;

#[derive(Serialize)]
struct Request<'a> {
    task: TaskName,
    meta_param_dict: &'a Value,
    adjustment: &'a Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    errors_warnings: Option<&'a Value>,
}

/// What the command reads: one JSON object.
pub(crate) fn request(task: TaskName, kwargs: &TaskKwargs) -> serde_json::Result<Vec<u8>> {
    let empty = Value::Object(Map::new());
    let given = |key: &str| kwargs.get(key).filter(|v| !v.is_null()).unwrap_or(&empty);
    numbers::to_vec(&Request {
        task,
        meta_param_dict: given("meta_param_dict"),
        adjustment: given("adjustment"),
        errors_warnings: (task == TaskName::Parse).then(|| given("errors_warnings")),
    })
}

/// Runs the command once for `task`.
pub(super) async fn call(
    launch: &Launch,
    argv: &[String],
    task: TaskName,
    kwargs: &TaskKwargs,
    limits: &Limits,
    sinks: Sinks,
) -> Reply {
    let Some((program, arguments)) = argv.split_first() else {
        return Reply::failed(0.0, "The model's file names no command to run.\n");
    };
    let program = located(program, &launch.workdir);
    let started = Instant::now();
    let request = match request(task, kwargs) {
        Ok(request) => request,
        Err(e) => return Reply::failed(0.0, format!("The arguments are no JSON: {e}\n")),
    };
    let redactor = redactor(&sinks.secrets);
    let mut running = match start(launch, &program, arguments, sinks) {
        Ok(running) => running,
        Err(e) => return Reply::failed(0.0, story::cannot_start(launch, &program, &e)),
    };
    let mut answer = Vec::new();
    let (stdin, stdout) = (running.process.child().stdin.take(), running.process.child().stdout.take());
    let conversation = async {
        let feed = async {
            if let Some(mut stdin) = stdin {
                // A command that does not read its request is fine.
                drop(stdin.write_all(&request).await);
            }
        };
        let take = async {
            match stdout {
                Some(stdout) => stdout.take(RESULT_LIMIT + 1).read_to_end(&mut answer).await,
                None => Ok(0),
            }
        };
        let ((), read) = tokio::join!(feed, take);
        read
    };
    let ended = running.process.supervise(conversation, limits, true).await;
    let seconds = started.elapsed().as_secs_f64();
    // What the command left behind in the background must not outlive it, nor keep the log open.
    running.process.kill();
    let status = running.process.exit_status().await;
    running.pump.settle().await;
    let tail = running.pump.tail().text();
    match (ended, status) {
        // Its background processes may still hold the pipe: what it wrote itself was all read.
        (Ended::Done(_) | Ended::Exited(_), Some(status)) if status.success() => {
            if answer.len() as u64 > RESULT_LIMIT {
                return Reply::failed(seconds, story::too_large(answer.len() as u64));
            }
            Reply { seconds, version: None, body: parse(&answer, &tail, &redactor) }
        }
        (Ended::Done(_) | Ended::Exited(_), Some(status)) => {
            let what = format!("The command `{}` ended {}.", argv.join(" "), describe(status));
            Reply::failed(seconds, story::with_tail(what, &tail))
        }
        (ended, _) => Reply::failed(seconds, story::ending(&ended, &tail)),
    }
}

struct Running {
    process: ModelProcess,
    pump: LogPump,
    /// Goes when the process has gone.
    _scratch: Option<Scratch>,
}

fn start(launch: &Launch, program: &Path, arguments: &[String], sinks: Sinks) -> io::Result<Running> {
    let (reader, writer) = log_pipe()?;
    let mut command = Command::new(program);
    command.args(arguments).current_dir(&launch.workdir);
    let scratch = scratch(launch)?;
    clean_environment(&mut command, launch, &sinks.secrets, scratch.as_ref());
    let mut command = confined(command, launch, scratch.as_ref())?;
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::from(writer));
    let redaction = redactor(&sinks.secrets).stream();
    let process = ModelProcess::spawn(command)?;
    let pump = LogPump::start(reader, sinks.log, redaction)?;
    Ok(Running { process, pump, _scratch: scratch })
}

/// A program with a folder in its name is meant relative to the repository; any other is looked up on PATH.
fn located(program: &str, workdir: &Path) -> PathBuf {
    if program.contains('/') { workdir.join(program) } else { PathBuf::from(program) }
}

fn parse(answer: &[u8], tail: &str, redactor: &Redactor) -> Result<Value, String> {
    numbers::from_slice(answer).map_err(|e| {
        let start = redactor.start_of(answer, 200);
        let what = if answer.iter().all(u8::is_ascii_whitespace) {
            "The command wrote no result on stdout; expected one JSON object.".to_owned()
        } else {
            format!("The command's stdout is not one JSON object: {e}. It starts with:\n  {}", start.trim())
        };
        story::with_tail(what, tail)
    })
}
