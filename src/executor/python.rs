//! Python models: an interpreter that runs the harness and answers requests.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::environ::{clean_environment, confined, scratch};
use super::log::{LogPump, Tail, log_pipe};
use super::process::{Ended, Limits, ModelProcess};
use super::reply::Reply;
use super::sinks::redactor;
use super::story;
use super::{Launch, Sinks};
use crate::image::CHANNEL;
use crate::isolation::Scratch;
use crate::model::{Entry, Isolation, TaskKwargs, TaskName, numbers};

const HARNESS: &str = include_str!("harness.py");
const CONVERTER: &str = include_str!("converter.py");
/// A result above this is refused; it would not fit the memory of whoever takes it either.
pub(super) const RESULT_LIMIT: u64 = 2 << 30;

/// An interpreter that waits for requests.
pub(super) struct PythonWorker {
    process: ModelProcess,
    channel: UnixStream,
    pump: LogPump,
    tail: Tail,
    /// What has to be sent before the next request: the harness, at first.
    unsent: Vec<u8>,
    /// Goes when the process has gone.
    _scratch: Option<Scratch>,
}

#[derive(Deserialize)]
struct Header {
    ok: bool,
    seconds: f64,
    version: Option<String>,
}

impl PythonWorker {
    /// Starts the interpreter. It has imported nothing of the model yet. The error is for the model's author.
    pub(super) fn start(launch: &Launch, sinks: Sinks) -> Result<Self, String> {
        let interpreter = interpreter(launch);
        Self::spawn(launch, &interpreter, sinks).map_err(|e| story::cannot_start(launch, &interpreter, &e))
    }

    fn spawn(launch: &Launch, interpreter: &Path, sinks: Sinks) -> io::Result<Self> {
        let (ours, theirs) = StdUnixStream::pair()?;
        let scratch = scratch(launch)?;
        let (reader, writer) = log_pipe()?;
        // The harness comes through the channel: a command line as long as it would be no pleasure in `ps`.
        let connect = match (&launch.confinement, &scratch) {
            (Some(confinement), Some(scratch)) if confinement.level == Isolation::Container => {
                connect(&scratch.path().join(CHANNEL))
            }
            _ => String::new(),
        };
        let boot = format!(
            "import os\n{connect}s=b''\nwhile len(s)<{0}:s+=os.read(0,{0}-len(s))or os._exit(0)\nexec(compile(s,'<csw>','exec'))",
            HARNESS.len()
        );
        let mut command = Command::new(interpreter);
        command.args(["-X", "faulthandler", "-c", &boot]).current_dir(&launch.workdir);
        clean_environment(&mut command, launch, &sinks.secrets, scratch.as_ref());
        command.env("PYTHONPATH", python_path(launch));
        if !launch.env.contains_key("PYTHONUTF8") {
            command.env("PYTHONUTF8", "1");
        }
        let mut command = confined(command, launch, scratch.as_ref())?;
        command.stdin(Stdio::from(OwnedFd::from(theirs)));
        command.stdout(Stdio::from(writer.try_clone()?)).stderr(Stdio::from(writer));
        // The harness is waiting for the interpreter, so neither waits for the other.
        ours.set_nonblocking(true)?;
        let channel = UnixStream::from_std(ours)?;
        let redaction = redactor(&sinks.secrets).stream();
        let process = ModelProcess::spawn(command)?;
        let pump = LogPump::start(reader, sinks.log, redaction)?;
        let tail = pump.tail();
        let mut unsent = Vec::with_capacity(HARNESS.len() + CONVERTER.len() + 8);
        unsent.extend_from_slice(HARNESS.as_bytes());
        frame(&mut unsent, CONVERTER.as_bytes());
        Ok(Self { process, channel, pump, tail, unsent, _scratch: scratch })
    }

    /// One request, and whether the interpreter can take another one: it answered, so nothing is left over.
    pub(super) async fn call(
        &mut self,
        task: TaskName,
        kwargs: &TaskKwargs,
        limits: &Limits,
        last: bool,
    ) -> (Reply, bool) {
        let started = std::time::Instant::now();
        self.tail.clear();
        let request = match request(task, kwargs, last) {
            Ok(request) => request,
            Err(e) => return (Reply::failed(0.0, format!("the arguments are no JSON: {e}")), false),
        };
        let channel = &mut self.channel;
        let unsent = std::mem::take(&mut self.unsent);
        let conversation = async {
            channel.write_all(&unsent).await?;
            channel.write_all(&request).await?;
            let header = read_frame(channel).await?;
            let body = read_frame(channel).await?;
            Ok((header, body))
        };
        let ended = self.process.supervise(conversation, limits, false).await;
        let seconds = started.elapsed().as_secs_f64();
        match ended {
            Ended::Done((Ok(header), Ok(body))) => (decode(&header, &body, seconds), true),
            Ended::Done((Err(size), _) | (_, Err(size))) => {
                (Reply::failed(seconds, story::too_large(size)), false)
            }
            other => (self.failure(other, seconds).await, false),
        }
    }

    /// Whether the interpreter is there to take a request.
    pub(super) fn lives(&mut self) -> bool {
        self.process.lives()
    }

    /// Bytes that the interpreter and what it started hold; exact once it is above `limit`.
    pub(super) fn held(&self, limit: u64) -> u64 {
        self.process.held(limit)
    }

    /// Waits for the interpreter's end, and for the last of its output.
    pub(super) async fn finish(mut self, limits: &Limits) {
        self.process.finish(limits).await;
        self.pump.settle().await;
    }

    async fn failure<T>(&mut self, ended: Ended<T>, seconds: f64) -> Reply {
        if !matches!(ended, Ended::OutOfTime(_) | Ended::Cancelled | Ended::OutOfMemory { .. }) {
            self.process.kill();
        }
        let _ = self.process.exit_status().await;
        self.pump.settle().await;
        Reply::failed(seconds, story::ending(&ended, &self.tail.text()))
    }
}

/// What leads stdin to the channel, where something between an interpreter and csw passes on one direction alone.
fn connect(channel: &Path) -> String {
    let path = serde_json::Value::from(channel.to_string_lossy());
    format!(
        "import socket\nc=socket.socket(socket.AF_UNIX)\nc.connect({path})\nos.dup2(c.fileno(),0)\nc.close()\n"
    )
}

/// The interpreter: the environment's, else the model's own, else the first `python3` on PATH.
fn interpreter(launch: &Launch) -> PathBuf {
    match (&launch.python, &launch.entry) {
        (Some(path), _) => path.clone(),
        (None, Entry::Python { interpreter: Some(name) }) => PathBuf::from(name),
        _ => PathBuf::from("python3"),
    }
}

/// Where the model's modules are found: its repository, without anything having been installed.
fn python_path(launch: &Launch) -> std::ffi::OsString {
    let mut path = std::ffi::OsString::new();
    // A repository that was built and installed must not be hidden by its own sources.
    let installed = launch.env.contains_key("PYTHONSAFEPATH");
    for folder in if installed { &["cs-config"][..] } else { &["cs-config", "src", ""] } {
        let folder = if folder.is_empty() { launch.workdir.clone() } else { launch.workdir.join(folder) };
        if folder.is_dir() {
            path.push(folder);
            path.push(":");
        }
    }
    match launch.env.get("PYTHONPATH").filter(|p| !p.is_empty()) {
        Some(more) => path.push(more),
        None => {
            let mut bytes = std::os::unix::ffi::OsStringExt::into_vec(path);
            bytes.pop();
            path = std::os::unix::ffi::OsStringExt::from_vec(bytes);
        }
    }
    path
}

#[derive(Serialize)]
struct Request<'a> {
    task: TaskName,
    kwargs: &'a TaskKwargs,
    last: bool,
}

fn request(task: TaskName, kwargs: &TaskKwargs, last: bool) -> serde_json::Result<Vec<u8>> {
    let mut bytes = vec![0; 8];
    bytes.extend(numbers::to_vec(&Request { task, kwargs, last })?);
    let length = (bytes.len() as u64 - 8).to_be_bytes();
    for (slot, byte) in bytes.iter_mut().zip(length) {
        *slot = byte;
    }
    Ok(bytes)
}

fn frame(to: &mut Vec<u8>, bytes: &[u8]) {
    to.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
    to.extend_from_slice(bytes);
}

/// The bytes of the next frame, or how many they would be if that is above the limit.
async fn read_frame(channel: &mut UnixStream) -> io::Result<Result<Vec<u8>, u64>> {
    let length = channel.read_u64().await?;
    if length > RESULT_LIMIT {
        return Ok(Err(length));
    }
    let mut bytes = Vec::new();
    channel.take(length).read_to_end(&mut bytes).await?;
    if bytes.len() as u64 == length { Ok(Ok(bytes)) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

fn decode(header: &[u8], body: &[u8], elapsed: f64) -> Reply {
    let header: Header = match serde_json::from_slice(header) {
        Ok(header) => header,
        Err(e) => {
            return Reply::failed(elapsed, format!("the model's process gave no answer that is one: {e}"));
        }
    };
    let body = if header.ok {
        numbers::from_slice(body).map_err(|e| format!("The model's result can't be read as JSON: {e}\n"))
    } else {
        Err(String::from_utf8_lossy(body).into_owned())
    };
    Reply { seconds: header.seconds, version: header.version, body }
}
