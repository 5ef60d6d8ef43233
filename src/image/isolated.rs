//! A program in a container that has nothing of this machine but what is named: an empty image, with the files of the
//! system, of the program and of its environment mounted where they are outside.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write as _;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::pin::Pin;

use bollard::Docker;
use bollard::container::LogOutput;
use bollard::errors::Error;
use bollard::exec::{CreateExecOptions, StartExecOptions, StartExecResults};
use bollard::models::{
    ContainerCreateBody, HostConfig, HostConfigLogConfig, Mount, MountType, ResourcesUlimits,
};
use bollard::query_parameters::{
    AttachContainerOptionsBuilder, CreateContainerOptionsBuilder, CreateImageOptionsBuilder,
    StartContainerOptions,
};
use futures::{Stream, StreamExt as _, TryStreamExt as _};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::net::UnixListener;
use tokio_util::sync::CancellationToken;

use super::test::{is_gone, remove};
use super::{Engine, ImageError};
use crate::isolation::Mounted;

/// The image: nothing is in it, and nothing is pulled.
const EMPTY: (&str, &str) = ("csw/empty", "1");
/// What the first process does: it ends with its stdin, and everything in the container ends with it.
const HOLD: [&str; 3] = ["/bin/sh", "-c", "while read -r line; do :; done"];
/// Processes and threads at once.
const PROCESSES: i64 = 4096;
/// Whether the kernel has ended a process for its memory, by control groups of both versions.
const RAN_OUT: &str = "for file in /sys/fs/cgroup/memory.events /sys/fs/cgroup/memory/memory.oom_control; do
    [ -r $file ] || continue
    while read -r key value; do [ \"$key\" != oom_kill ] || [ \"$value\" = 0 ] || exit 0; done <$file
done
exit 1";

/// The name, in the folder of scratch, of the socket through which a program's stdin is spoken with both ways.
pub(crate) const CHANNEL: &str = "channel";

/// A program to run in a container of its own.
#[derive(Debug)]
pub struct Isolated {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// Its working folder.
    pub workdir: PathBuf,
    /// Its variables, as `NAME=value`.
    pub env: Vec<String>,
    /// What of this machine's files it has.
    pub mounts: Vec<Mounted>,
    /// Bytes of memory.
    pub memory: u64,
    /// Thousandths of a processor.
    pub cpu_millis: u64,
    /// Whether it has a network.
    pub internet: bool,
    /// The folder of scratch.
    pub scratch: PathBuf,
}

impl Isolated {
    /// Runs it to its end with this process's stdin, stdout and stderr, and returns its exit code. When this returns, the
    /// container is gone; should this process be killed, it ends by itself. `stop` asks the program to end.
    ///
    /// # Errors
    /// When the engine can't, or there is none.
    pub async fn run(self, stop: &CancellationToken) -> Result<i64, ImageError> {
        let engine = engine_here().await?;
        let docker = engine.docker();
        ensure_empty(docker).await?;
        let (id, hold) = self.start(docker).await?;
        let ended = self.attend(docker, &id, stop).await;
        drop(hold);
        let removed = remove(docker, &id).await;
        let code = ended?;
        removed?;
        Ok(code)
    }

    async fn start(&self, docker: &Docker) -> Result<(String, Pin<Box<dyn AsyncWrite + Send>>), ImageError> {
        const WHAT: &str = "start a container";
        let failed = || ImageError::engine(WHAT.to_owned());
        let there = docker.info().await.map_err(failed())?.ncpu.unwrap_or(i64::MAX).saturating_mul(1000);
        let cpus = i64::try_from(self.cpu_millis).unwrap_or(i64::MAX).clamp(10, there.max(10));
        let memory = i64::try_from(self.memory).unwrap_or(i64::MAX);
        let body = ContainerCreateBody {
            image: Some(format!("{}:{}", EMPTY.0, EMPTY.1)),
            entrypoint: Some(HOLD.map(str::to_owned).to_vec()),
            cmd: Some(Vec::new()),
            user: Some(format!("{}:{}", rustix::process::getuid(), rustix::process::getgid())),
            working_dir: Some("/".to_owned()),
            attach_stdin: Some(true),
            open_stdin: Some(true),
            stdin_once: Some(true),
            labels: Some(HashMap::from([("csw.isolate".to_owned(), std::process::id().to_string())])),
            host_config: Some(HostConfig {
                auto_remove: Some(true),
                memory: Some(memory),
                memory_swap: Some(memory),
                nano_cpus: Some(cpus.saturating_mul(1_000_000)),
                pids_limit: Some(PROCESSES),
                shm_size: Some(memory / 2),
                cap_drop: Some(vec!["ALL".to_owned()]),
                security_opt: Some(vec!["no-new-privileges".to_owned()]),
                readonly_rootfs: Some(true),
                network_mode: Some(if self.internet { "default" } else { "none" }.to_owned()),
                ulimits: Some(vec![ResourcesUlimits {
                    name: Some("core".to_owned()),
                    soft: Some(0),
                    hard: Some(0),
                }]),
                mounts: Some(self.mounts.iter().map(mount).collect()),
                tmpfs: Some(HashMap::from([("/tmp".to_owned(), "rw,nosuid,nodev,mode=1777".to_owned())])),
                log_config: Some(HostConfigLogConfig { typ: Some("none".to_owned()), config: None }),
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        };
        let name = format!("csw-isolate-{}", uuid::Uuid::new_v4().simple());
        let options = CreateContainerOptionsBuilder::default().name(&name).build();
        let id = docker.create_container(Some(options), body).await.map_err(failed())?.id;
        let started = async {
            let options = AttachContainerOptionsBuilder::default().stdin(true).stream(true).build();
            let attached = docker.attach_container(&id, Some(options)).await?;
            docker.start_container(&id, None::<StartContainerOptions>).await?;
            Ok(attached.input)
        };
        match started.await {
            Ok(hold) => Ok((id, hold)),
            Err(source) => {
                // One that never ran is not removed by itself.
                remove(docker, &id).await?;
                Err(failed()(source))
            }
        }
    }

    /// Runs the program in the container to its end.
    async fn attend(&self, docker: &Docker, id: &str, stop: &CancellationToken) -> Result<i64, ImageError> {
        let what = || ImageError::engine(format!("run {} in a container", self.argv.join(" ")));
        let stdin = std::io::stdin();
        let is_socket = rustix::fs::fstat(&stdin).is_ok_and(|stat| {
            rustix::fs::FileType::from_raw_mode(stat.st_mode) == rustix::fs::FileType::Socket
        });
        let channel = is_socket.then(|| self.listen()).transpose()?;
        let options = CreateExecOptions {
            attach_stdin: Some(channel.is_none()),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            env: Some(self.env.clone()),
            cmd: Some(self.argv.clone()),
            working_dir: Some(self.workdir.display().to_string()),
            ..CreateExecOptions::default()
        };
        let exec = docker.create_exec(id, options).await.map_err(what())?.id;
        let options = StartExecOptions { output_capacity: Some(64 << 10), ..StartExecOptions::default() };
        let StartExecResults::Attached { output, mut input } =
            docker.start_exec(&exec, Some(options)).await.map_err(what())?
        else {
            return Ok(0);
        };
        let feed = async {
            match channel {
                // Whoever went away is noticed by the other.
                Some(channel) => drop(bridge(channel).await),
                None => {
                    drop(tokio::io::copy(&mut tokio::io::stdin(), &mut input).await);
                    drop(input.shutdown().await);
                }
            }
            std::future::pending::<()>().await;
        };
        let end = async {
            stop.cancelled().await;
            // Whatever has ended already needs no signal.
            let _ = say(docker, id, &["/bin/sh", "-c", "kill -TERM -1"]).await;
            std::future::pending::<()>().await;
        };
        tokio::select! {
            told = tell(output) => told.map_err(what())?,
            () = feed => {}
            () = end => {}
        }
        let code = match docker.inspect_exec(&exec).await {
            Ok(inspected) => inspected.exit_code,
            Err(e) if is_gone(&e) => None,
            Err(e) => return Err(what()(e)),
        };
        // A container whose first process was the victim is gone, and everything in it.
        let killed = matches!(code, None | Some(137));
        if killed && (code.is_none() || say(docker, id, &["/bin/sh", "-c", RAN_OUT]).await == Some(0)) {
            let message =
                format!("csw: ran out of memory: the container has {} MB\n", self.memory / 1_000_000);
            // Whoever reads it may have gone.
            drop(std::io::stderr().write_all(message.as_bytes()));
        }
        Ok(code.unwrap_or(137))
    }

    fn listen(&self) -> Result<UnixListener, ImageError> {
        let path = self.scratch.join(CHANNEL);
        UnixListener::bind(&path).map_err(|e| ImageError::io(&path, e))
    }
}

/// The engine, which has to be on this machine: its containers have this machine's files.
///
/// # Errors
/// When there is none, or it is elsewhere.
pub async fn engine_here() -> Result<Engine, ImageError> {
    let engine = Engine::connect(None).await?;
    match engine.host().starts_with("unix://") {
        true => Ok(engine),
        false => Err(ImageError::EngineElsewhere { host: engine.host().to_owned() }),
    }
}

/// Speaks for stdin with whoever connects first.
async fn bridge(channel: UnixListener) -> std::io::Result<()> {
    let stdin = std::os::unix::net::UnixStream::from(std::io::stdin().as_fd().try_clone_to_owned()?);
    stdin.set_nonblocking(true)?;
    let mut stdin = tokio::net::UnixStream::from_std(stdin)?;
    let (mut connection, _) = channel.accept().await?;
    tokio::io::copy_bidirectional(&mut stdin, &mut connection).await.map(drop)
}

/// Passes on what the program writes, until it and all that has its stdout and stderr have ended.
async fn tell(mut output: Pin<Box<dyn Stream<Item = Result<LogOutput, Error>> + Send>>) -> Result<(), Error> {
    let mut stdout = File::from(std::io::stdout().as_fd().try_clone_to_owned()?);
    let mut stderr = File::from(std::io::stderr().as_fd().try_clone_to_owned()?);
    while let Some(chunk) = output.next().await {
        // A reader that has gone is no reason to end the program.
        match chunk? {
            LogOutput::StdErr { message } => drop(stderr.write_all(&message)),
            LogOutput::StdOut { message } | LogOutput::Console { message } => {
                drop(stdout.write_all(&message))
            }
            LogOutput::StdIn { .. } => {}
        }
    }
    Ok(())
}

/// The exit code of a program in the container that says nothing; `None` where it can't be run.
async fn say(docker: &Docker, id: &str, argv: &[&str]) -> Option<i64> {
    let options = CreateExecOptions {
        attach_stdout: Some(true),
        cmd: Some(argv.to_vec()),
        ..CreateExecOptions::default()
    };
    let exec = docker.create_exec(id, options).await.ok()?.id;
    if let StartExecResults::Attached { mut output, .. } =
        docker.start_exec(&exec, None::<StartExecOptions>).await.ok()?
    {
        while output.next().await.is_some() {}
    }
    docker.inspect_exec(&exec).await.ok()?.exit_code
}

/// Makes the empty image where the engine does not have it.
async fn ensure_empty(docker: &Docker) -> Result<(), ImageError> {
    let name = format!("{}:{}", EMPTY.0, EMPTY.1);
    let failed = || ImageError::engine(format!("make the image {name}"));
    match docker.inspect_image(&name).await {
        Ok(_) => return Ok(()),
        Err(e) if is_gone(&e) => {}
        Err(e) => return Err(failed()(e)),
    }
    // An archive ends with two empty blocks; in this one there is nothing before them.
    let archive = bollard::body_full(vec![0; 1024].into());
    let options = CreateImageOptionsBuilder::default().from_src("-").repo(EMPTY.0).tag(EMPTY.1).build();
    docker
        .create_image(Some(options), Some(archive), None)
        .try_for_each(|_| async { Ok(()) })
        .await
        .map_err(failed())
}

fn mount(mounted: &Mounted) -> Mount {
    let text = |path: &Path| Some(path.display().to_string());
    match mounted {
        Mounted::Read { source, target } => Mount {
            typ: Some(MountType::BIND),
            source: text(source),
            target: text(target),
            read_only: Some(true),
            ..Mount::default()
        },
        Mounted::Write { path } => {
            Mount { typ: Some(MountType::BIND), source: text(path), target: text(path), ..Mount::default() }
        }
        Mounted::Nothing { folder } => Mount {
            typ: Some(MountType::TMPFS),
            target: text(folder),
            read_only: Some(true),
            ..Mount::default()
        },
    }
}
