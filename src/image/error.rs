use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Diagnose, Exit};

/// Why an image could not be built, tested, pushed or found.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// There is no engine.
    #[error("no Docker engine is running: nothing answers at {}", tried.join(", "))]
    NoEngine {
        /// Where it was looked for.
        tried: Vec<String>,
    },
    /// The engine's socket may not be used by this user.
    #[error("this user may not use the Docker engine at {}", socket.display())]
    EnginePermission {
        /// The socket.
        socket: PathBuf,
    },
    /// The engine does not answer.
    #[error("cannot use the Docker engine at {host}, which {named_by} names: {source}")]
    EngineUnreachable {
        /// Its address.
        host: String,
        /// Who named it.
        named_by: String,
        /// What happened.
        source: bollard::errors::Error,
    },
    /// The engine lacks what csw uses.
    #[error("the Docker engine at {host} is too old: {version}; csw needs 20.10 or later")]
    EngineTooOld {
        /// Its address.
        host: String,
        /// What it says about itself.
        version: String,
    },
    /// The engine's address can't be used.
    #[error("cannot connect to the Docker engine at {host}, which {named_by} names: {reason}")]
    EngineAddress {
        /// The address.
        host: String,
        /// Who named it.
        named_by: String,
        /// Why not.
        reason: String,
    },
    /// Docker's configuration names a context that isn't there.
    #[error("there is no Docker context `{name}`")]
    UnknownContext {
        /// Its name.
        name: String,
    },
    /// A file of docker's configuration can't be read.
    #[error("{} is no configuration of docker: {reason}", path.display())]
    DockerConfig {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The engine refused a request, or the connection to it broke.
    #[error("cannot {what}: {}", message(source))]
    Engine {
        /// What was asked of it: "inspect gcr.io/p/x:v1".
        what: String,
        /// Its answer.
        source: bollard::errors::Error,
    },
    /// The engine does not have the image that is to be tested.
    #[error("{image} is not in the Docker engine")]
    NotBuilt {
        /// The image.
        image: String,
        /// The model that it is of.
        model: String,
    },
    /// There is no pytest for a model's tests.
    #[error("{model} has no pytest in its image, and it could not be installed for the test: {reason}")]
    NoPytest {
        /// The model.
        model: String,
        /// What pip said last.
        reason: String,
    },
    /// A model's example can't be used.
    #[error("the example of {model}, {file}, cannot be used: {reason}")]
    Example {
        /// The model.
        model: String,
        /// The file in its repository.
        file: String,
        /// Why not.
        reason: String,
    },
    /// A file does not hold what a build writes.
    #[error("{} was not written by `csw svc build` or `csw models build`: {reason}", path.display())]
    Records {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The operating system refused access to a file.
    #[error("cannot access {}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The operating system's answer.
        source: io::Error,
    },
}

impl ImageError {
    /// A file that can't be accessed.
    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }

    /// Makes an error of the engine's; `what` completes "cannot …".
    pub fn engine(what: impl Into<String>) -> impl FnOnce(bollard::errors::Error) -> Self {
        let what = what.into();
        move |source| Self::Engine { what, source }
    }
}

/// What the engine said, without bollard's words around it.
pub(crate) fn message(error: &bollard::errors::Error) -> String {
    match error {
        bollard::errors::Error::DockerResponseServerError { message, .. } => message.trim().to_owned(),
        bollard::errors::Error::DockerStreamError { error } => error.trim().to_owned(),
        bollard::errors::Error::RequestTimeoutError => "the engine took too long to answer".to_owned(),
        other => other.to_string(),
    }
}

impl Diagnose for ImageError {
    fn exit(&self) -> Exit {
        match self {
            Self::NoEngine { .. }
            | Self::EnginePermission { .. }
            | Self::EngineUnreachable { .. }
            | Self::EngineTooOld { .. }
            | Self::Engine { .. } => Exit::Remote,
            Self::EngineAddress { .. }
            | Self::UnknownContext { .. }
            | Self::DockerConfig { .. }
            | Self::NotBuilt { .. }
            | Self::NoPytest { .. }
            | Self::Example { .. }
            | Self::Records { .. }
            | Self::Io { .. } => Exit::Config,
        }
    }

    fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::NoEngine { .. } => {
                "start it (`sudo systemctl start docker`, or Docker Desktop), or name another: DOCKER_HOST=unix:///path or tcp://host:port"
            }
            Self::EnginePermission { .. } => {
                "become a member of the group `docker` (`sudo usermod -aG docker $USER`, then log in again), or use a rootless engine"
            }
            Self::EngineUnreachable { .. } => "ask it with docker: docker version",
            Self::EngineTooOld { .. } => {
                "update it, or name another: DOCKER_HOST=unix:///path or tcp://host:port"
            }
            Self::EngineAddress { host, .. } if host.starts_with("ssh:") => {
                "forward its socket (`ssh -L /tmp/docker.sock:/var/run/docker.sock HOST`) and name that: DOCKER_HOST=unix:///tmp/docker.sock"
            }
            Self::UnknownContext { .. } => "list those that there are: docker context ls",
            Self::Engine { source, .. } if message(source).contains("no space left on device") => {
                "make room where the engine keeps its images: docker system prune, csw images prune"
            }
            Self::NotBuilt { model, image } => {
                return vec![
                    format!("build it: csw models -n {model} build"),
                    format!("or get it from its registry: docker pull {image}"),
                ];
            }
            Self::NoPytest { .. } => {
                "add pytest to what the repository asks for (requirements.txt, environment.yml), or say what tests it instead: `test: {command: […]}` in its file"
            }
            _ => return Vec::new(),
        };
        vec![hint.to_owned()]
    }
}
