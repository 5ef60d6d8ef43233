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
    /// The engine is on another machine, and this one's files are needed.
    #[error(
        "the Docker engine at {host} is not on this machine, and a model in a container has this machine's files"
    )]
    EngineElsewhere {
        /// Its address.
        host: String,
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
    #[error("cannot {what}: {}", message(answer))]
    Engine {
        /// What was asked of it: "inspect gcr.io/p/x:v1".
        what: String,
        /// Its answer, of which the message has all.
        answer: bollard::errors::Error,
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
    /// A `.dockerignore` holds lines that are no patterns.
    #[error("{} holds lines that are no patterns: {}", path.display(), numbered(lines))]
    Ignore {
        /// The file.
        path: PathBuf,
        /// Line, from 1, and what is wrong with it.
        lines: Vec<(usize, String)>,
    },
    /// Templates of images that would never be used.
    #[error("csw has no templates of these names: {}", files.join(", "))]
    UnknownTemplates {
        /// Their names below `templates/`.
        files: Vec<String>,
    },
    /// A template of an image is wrong.
    #[error("templates/{file}: {reason}")]
    Template {
        /// Its name below `templates/`.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The program for images can't be used.
    #[error("{} cannot go into an image: {reason}", path.display())]
    Program {
        /// The program.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The program for images needs libraries that the image won't have.
    #[error("{} is not static: it needs {loader}, and an image from scratch has no libraries", path.display())]
    DynamicProgram {
        /// The program.
        path: PathBuf,
        /// The loader that it asks for.
        loader: String,
    },
    /// The lock file can't be understood.
    #[error("{} is no lock file of images: {reason}", path.display())]
    Lock {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Neither a registry nor the engine has the image.
    #[error("there is no image {image}")]
    NoImage {
        /// Its name.
        image: String,
    },
    /// An image can't be pulled.
    #[error("cannot pull {image}: {}", message(answer))]
    Pull {
        /// Its name.
        image: String,
        /// The engine's answer, of which the message has all.
        answer: bollard::errors::Error,
    },
    /// A base image is not the one that is locked.
    #[error("the base image {image} is not the one that {} names: it {}", super::LOCK_FILE, found.as_ref().map_or("isn't in the engine".to_owned(), |id| format!("has the id {id}")))]
    BaseMoved {
        /// Its name.
        image: String,
        /// The id that it is locked to.
        locked: String,
        /// The id that it has in the engine, if it is there.
        found: Option<String>,
    },
    /// A model's repository can't be had or understood.
    #[error("cannot get the sources of {name}: {source}")]
    Source {
        /// The model.
        name: String,
        /// Why not.
        source: Box<crate::executor::ExecutorError>,
    },
    /// A build failed.
    #[error("building {name} failed{}: {reason}{}\n(all of it: {})", at(step), indented(last), log.display())]
    Build {
        /// The service or model.
        name: String,
        /// The step, as in `[3/7] RUN make`; may be empty.
        step: String,
        /// The step's last lines.
        last: Vec<String>,
        /// What the builder says.
        reason: String,
        /// The file with the whole log.
        log: PathBuf,
    },
    /// A build was ended early, as it was asked for.
    #[error("building {name} was interrupted")]
    Interrupted {
        /// The service or model.
        name: String,
    },
    /// A secret of a build isn't there.
    #[error("the build secret `{id}` cannot be read: {reason}")]
    BuildSecret {
        /// Its id.
        id: String,
        /// Why not.
        reason: String,
    },
    /// The classic builder would keep secrets in the image.
    #[error("build secrets need BuildKit, and this build uses the classic builder")]
    SecretsNeedBuildKit,
    /// Build secrets are handed over by a connection that csw only has to sockets.
    #[error("build secrets can't be handed to the engine at {host}: it is spoken to over TLS")]
    SecretsNeedSocket {
        /// Its address.
        host: String,
    },
    /// BuildKit's session can't be opened.
    #[error("cannot open a BuildKit session with the engine at {host}: {source}")]
    Session {
        /// Its address.
        host: String,
        /// What happened.
        source: io::Error,
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
        move |answer| Self::Engine { what, answer }
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

const MAKE_ROOM: &str = "make room where the engine keeps its images: csw images prune, docker system prune";

fn no_space(text: &str) -> bool {
    text.contains("no space left on device") || text.contains("No space left on device")
}

fn at(step: &str) -> String {
    if step.is_empty() { String::new() } else { format!(" at {step}") }
}

fn indented(lines: &[String]) -> String {
    lines.iter().map(|line| format!("\n  {line}")).collect()
}

fn numbered(lines: &[(usize, String)]) -> String {
    lines.iter().map(|(number, reason)| format!("line {number}: {reason}")).collect::<Vec<_>>().join("; ")
}

impl Diagnose for ImageError {
    fn exit(&self) -> Exit {
        match self {
            Self::NoEngine { .. }
            | Self::EnginePermission { .. }
            | Self::EngineUnreachable { .. }
            | Self::EngineTooOld { .. }
            | Self::NoImage { .. }
            | Self::Pull { .. }
            | Self::Session { .. }
            | Self::Engine { .. } => Exit::Remote,
            Self::Interrupted { .. } => Exit::Interrupted,
            Self::Source { source, .. } => source.exit(),
            Self::EngineAddress { .. }
            | Self::EngineElsewhere { .. }
            | Self::UnknownContext { .. }
            | Self::DockerConfig { .. }
            | Self::NotBuilt { .. }
            | Self::NoPytest { .. }
            | Self::Example { .. }
            | Self::Records { .. }
            | Self::Ignore { .. }
            | Self::UnknownTemplates { .. }
            | Self::Template { .. }
            | Self::Program { .. }
            | Self::DynamicProgram { .. }
            | Self::Lock { .. }
            | Self::BaseMoved { .. }
            | Self::Build { .. }
            | Self::BuildSecret { .. }
            | Self::SecretsNeedBuildKit
            | Self::SecretsNeedSocket { .. }
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
            Self::UnknownTemplates { .. } => {
                "`csw svc templates export` writes all that it has; a model's own is images/OWNER/TITLE.Dockerfile"
            }
            Self::DynamicProgram { .. } => {
                "build a static one with `make dist` and name it: --program FILE, or CSW_PROGRAM=FILE"
            }
            Self::Lock { .. } => "write it anew: csw svc lock",
            Self::Engine { answer, .. } | Self::Pull { answer, .. } if no_space(&message(answer)) => {
                MAKE_ROOM
            }
            Self::Build { reason, last, .. } if no_space(reason) || last.iter().any(|l| no_space(l)) => {
                MAKE_ROOM
            }
            Self::Source { source, .. } => return source.hints(),
            Self::Pull { .. } | Self::NoImage { .. } => {
                "check the name (base_image and redis_base_image in csw.yaml, CSW_BASE_IMAGE, CSW_REDIS_BASE_IMAGE), and \
                 that `docker pull` gets it; `docker login` if it is private"
            }
            Self::BaseMoved { .. } => "lock the one that is there: csw svc lock",
            Self::SecretsNeedBuildKit => {
                "leave DOCKER_BUILDKIT=0 out, or build with an engine that has BuildKit"
            }
            Self::SecretsNeedSocket { .. } => {
                "build on the engine's own machine, or forward its socket by ssh"
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
