use std::collections::{BTreeMap, HashMap};
use std::pin::Pin;
use std::time::Duration;

use bollard::Docker;
use bollard::errors::Error;
use bollard::models::{ContainerCreateBody, HealthConfig, HostConfig, HostConfigLogConfig};
use bollard::query_parameters::{
    AttachContainerOptionsBuilder, CreateContainerOptionsBuilder, DownloadFromContainerOptionsBuilder,
    InspectContainerOptions, RemoveContainerOptionsBuilder, StartContainerOptions,
    WaitContainerOptionsBuilder,
};
use futures::{StreamExt as _, TryStreamExt as _};
use tokio::io::AsyncWrite;

use super::owner;
use crate::image::{Engine, ImageError};
use crate::model::Model;

/// What the first process does: it ends with its stdin. A shell is in every image that was built with `RUN`.
const HOLD: [&str; 3] = ["sh", "-c", "while read -r line; do :; done"];

/// A container that tests run in. Ends when it is dropped, and then the engine removes it; [`remove`](Self::remove)
/// waits for that.
pub(super) struct Container {
    pub(super) docker: Docker,
    pub(super) id: String,
    /// The folder of the model's repository in it.
    pub(super) workdir: String,
    /// Its environment: the image's.
    pub(super) env: BTreeMap<String, String>,
    /// The end of this ends the first process, however csw ends.
    _stdin: Pin<Box<dyn AsyncWrite + Send>>,
}

impl Container {
    /// Starts one of the image with this id, within the model's memory and processors.
    pub(super) async fn start(
        engine: &Engine,
        image: &str,
        model: &Model,
        limit: Duration,
    ) -> Result<Self, ImageError> {
        let docker = engine.docker().clone();
        let memory = i64::try_from(model.resources.limits.memory.bytes()).unwrap_or(i64::MAX);
        let what = || format!("start a container to test {}", model.name);
        let cpus = processors(&docker, model).await.map_err(ImageError::engine(what()))?;
        let none = HostConfigLogConfig { typ: Some("none".to_owned()), config: None };
        let body = ContainerCreateBody {
            image: Some(image.to_owned()),
            entrypoint: Some(HOLD.map(str::to_owned).to_vec()),
            cmd: Some(Vec::new()),
            attach_stdin: Some(true),
            open_stdin: Some(true),
            stdin_once: Some(true),
            labels: Some(owner::labels(&model.name.to_string(), limit)),
            healthcheck: Some(HealthConfig {
                test: Some(vec!["NONE".to_owned()]),
                ..HealthConfig::default()
            }),
            host_config: Some(HostConfig {
                auto_remove: Some(true),
                memory: Some(memory),
                memory_swap: Some(memory),
                nano_cpus: Some(cpus),
                // As on a cluster.
                cap_drop: Some(vec!["ALL".to_owned()]),
                security_opt: Some(vec!["no-new-privileges".to_owned()]),
                log_config: Some(none),
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        };
        let name = format!("csw-test-{}", uuid::Uuid::new_v4().simple());
        let options = CreateContainerOptionsBuilder::default().name(&name).build();
        let id = docker.create_container(Some(options), body).await.map_err(ImageError::engine(what()))?.id;
        let started = Self::hold(&docker, &id).await;
        let (stdin, config) = match started {
            Ok(started) => started,
            Err(source) => {
                // One that never ran is not removed by itself.
                remove(&docker, &id).await?;
                return Err(ImageError::engine(what())(source));
            }
        };
        let env = config.env.unwrap_or_default();
        let env = env.iter().filter_map(|entry| entry.split_once('='));
        let env = env.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let workdir = config.working_dir.filter(|w| !w.is_empty()).unwrap_or_else(|| "/".to_owned());
        Ok(Self { docker, id, workdir, env, _stdin: stdin })
    }

    async fn hold(
        docker: &Docker,
        id: &str,
    ) -> Result<(Pin<Box<dyn AsyncWrite + Send>>, bollard::models::ContainerConfig), Error> {
        let options = AttachContainerOptionsBuilder::default().stdin(true).stream(true).build();
        let attached = docker.attach_container(id, Some(options)).await?;
        docker.start_container(id, None::<StartContainerOptions>).await?;
        let inspected = docker.inspect_container(id, None::<InspectContainerOptions>).await?;
        Ok((attached.input, inspected.config.unwrap_or_default()))
    }

    /// Whether the engine saw that a process in it was ended because it took more memory than there is for it. Not all
    /// engines look at processes besides the first.
    pub(super) async fn was_seen_out_of_memory(&self) -> Result<bool, ImageError> {
        match self.docker.inspect_container(&self.id, None::<InspectContainerOptions>).await {
            Ok(inspected) => Ok(inspected.state.and_then(|s| s.oom_killed).unwrap_or(false)),
            // Its first process was the victim, so that it is gone.
            Err(e) if is_gone(&e) => Ok(true),
            Err(e) => Err(ImageError::engine(format!("inspect the container {}", self.id))(e)),
        }
    }

    /// The content of a file, relative to the working folder unless it is absolute; `None` if it is not there.
    pub(super) async fn read(&self, path: &str) -> Result<Option<Vec<u8>>, ImageError> {
        /// More is no report and no example.
        const LARGEST: usize = 64 << 20;
        let path = if path.starts_with('/') { path.to_owned() } else { format!("{}/{path}", self.workdir) };
        let options = DownloadFromContainerOptionsBuilder::default().path(&path).build();
        let mut chunks = self.docker.download_from_container(&self.id, Some(options));
        let mut archive = Vec::new();
        loop {
            match chunks.try_next().await {
                Ok(Some(chunk)) if archive.len() + chunk.len() <= LARGEST => {
                    archive.extend_from_slice(&chunk)
                }
                Ok(Some(_)) => return Ok(None),
                Ok(None) => break,
                Err(e) if is_gone(&e) => return Ok(None),
                Err(e) => return Err(ImageError::engine(format!("read {path} in the image"))(e)),
            }
        }
        let mut archive = tar::Archive::new(archive.as_slice());
        let failed = |e| ImageError::io(std::path::Path::new(&path), e);
        for entry in archive.entries().map_err(failed)? {
            let mut entry = entry.map_err(failed)?;
            if entry.header().entry_type().is_file() {
                let mut content = Vec::new();
                std::io::Read::read_to_end(&mut entry, &mut content).map_err(failed)?;
                return Ok(Some(content));
            }
        }
        Ok(None)
    }

    /// Ends everything in it, and returns when it is gone.
    pub(super) async fn remove(self) -> Result<(), ImageError> {
        remove(&self.docker, &self.id).await
    }
}

/// The model's processors, in parts of 10⁻⁹; engines refuse more than they have, and less than a hundredth.
async fn processors(docker: &Docker, model: &Model) -> Result<i64, Error> {
    const MILLI: i64 = 1_000_000;
    let wanted = i64::try_from(model.resources.limits.cpu.millis()).unwrap_or(i64::MAX).saturating_mul(MILLI);
    let there = docker.info().await?.ncpu.unwrap_or(i64::MAX).saturating_mul(1000 * MILLI);
    Ok(wanted.min(there).max(10 * MILLI))
}

/// Removes a container, running or not, and returns when it is gone.
pub(in crate::image) async fn remove(docker: &Docker, id: &str) -> Result<(), ImageError> {
    let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
    match docker.remove_container(id, Some(options)).await {
        Ok(()) => return Ok(()),
        Err(e) if is_gone(&e) => return Ok(()),
        // The engine is at it already.
        Err(Error::DockerResponseServerError { status_code: 409, .. }) => {}
        Err(e) => return Err(ImageError::engine(format!("remove the container {id}"))(e)),
    }
    let options = WaitContainerOptionsBuilder::default().condition("removed").build();
    let mut removal = docker.wait_container(id, Some(options));
    while let Some(answer) = removal.next().await {
        match answer {
            // Its exit code says nothing: it was killed.
            Ok(_) | Err(Error::DockerContainerWaitError { .. }) => {}
            Err(e) if is_gone(&e) => break,
            Err(e) => return Err(ImageError::engine(format!("remove the container {id}"))(e)),
        }
    }
    Ok(())
}

/// Whether the engine does not know what was asked for.
pub(in crate::image) fn is_gone(error: &Error) -> bool {
    matches!(error, Error::DockerResponseServerError { status_code: 404, .. })
}

/// The labels of a container, by name.
pub(super) type Labels = HashMap<String, String>;
