use std::fmt;
use std::path::Path;
use std::time::Duration;

use bollard::errors::Error;
use bollard::{API_DEFAULT_VERSION, ClientVersion, Docker};

use super::ImageError;
use super::docker_host::{DockerHost, Surroundings};

/// What the oldest supported engine, 20.10, speaks.
const OLDEST_API: ClientVersion = ClientVersion { major_version: 1, minor_version: 41 };

/// How long an engine may take to say who it is.
const HELLO: Duration = Duration::from_secs(10);

/// How long one request may take. Uploading a context, a push and the wait for a container's end each are one.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// A connection to a Docker engine, 20.10 or later. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    docker: Docker,
    host: DockerHost,
    version: String,
    platform: String,
    buildkit: bool,
}

impl Engine {
    /// Connects to `host`, else to the engine that `DOCKER_HOST`, `DOCKER_CONTEXT` or docker's configuration names, else
    /// to the first of the usual sockets that answers; and asks it for its version.
    ///
    /// # Errors
    /// When there is none, it can't be reached, may not be used, or is older than 20.10. All addresses that were tried
    /// are told.
    pub async fn connect(host: Option<&str>) -> Result<Self, ImageError> {
        let surroundings = Surroundings::of_process();
        let candidates = surroundings.candidates(host)?;
        let (mut tried, mut first) = (Vec::new(), None);
        for candidate in &candidates {
            match Self::at(candidate).await {
                Ok(engine) => return Ok(engine),
                Err(ImageError::NoEngine { .. }) if candidates.len() > 1 => tried.push(candidate.url.clone()),
                // A socket that is there and does not do says more than those that are not.
                Err(e) => first = first.or(Some(e)),
            }
        }
        Err(first.unwrap_or(ImageError::NoEngine { tried }))
    }

    async fn at(host: &DockerHost) -> Result<Self, ImageError> {
        let hello = |api: &ClientVersion| Ok::<_, ImageError>(client(host, api)?.with_timeout(HELLO));
        let version = match hello(&OLDEST_API)?.version().await {
            // Engines drop old versions of the interface one by one.
            Err(Error::DockerResponseServerError { status_code: 400, message })
                if message.contains("too old") =>
            {
                hello(API_DEFAULT_VERSION)?.version().await
            }
            other => other,
        };
        let answer = version.map_err(|e| unreachable(host, e))?;
        let name = answer.version.clone().unwrap_or_else(|| "of unknown version".to_owned());
        let api = answer.api_version.as_deref().and_then(parse_api);
        let api = match api {
            Some(api) if api >= OLDEST_API => api,
            _ => return Err(ImageError::EngineTooOld { host: host.url.clone(), version: name }),
        };
        let api = if api < *API_DEFAULT_VERSION { api } else { *API_DEFAULT_VERSION };
        let components = answer.components.unwrap_or_default();
        let (os, arch) = (answer.os.unwrap_or_default(), answer.arch.unwrap_or_default());
        Ok(Self {
            docker: client(host, &api)?.with_timeout(LONGEST),
            host: host.clone(),
            version: name,
            // Podman speaks docker's interface, but knows only the classic builder's part of it.
            buildkit: os == "linux" && !components.iter().any(|c| c.name.to_lowercase().contains("podman")),
            platform: format!("{os}/{arch}"),
        })
    }

    /// The connection, for requests that have no method here. A request may take a day: bound what should be quick.
    pub fn docker(&self) -> &Docker {
        &self.docker
    }

    /// The engine's version, as in `20.10.24`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// What its images run on, as in `linux/amd64`.
    pub fn platform(&self) -> &str {
        &self.platform
    }

    /// Its address, as in `unix:///var/run/docker.sock`.
    pub fn host(&self) -> &str {
        &self.host.url
    }

    /// Whether it is spoken to over TLS.
    pub(super) fn has_tls(&self) -> bool {
        self.host.certificates.is_some() || self.host.url.starts_with("https:")
    }

    /// Whether it builds with BuildKit too.
    pub fn has_buildkit(&self) -> bool {
        self.buildkit
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("host", &self.host.url)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

fn client(host: &DockerHost, api: &ClientVersion) -> Result<Docker, ImageError> {
    // A second installation is refused and changes nothing.
    drop(rustls::crypto::ring::default_provider().install_default());
    let (url, seconds) = (host.url.as_str(), HELLO.as_secs());
    let made = match (url.split_once("://").map(|(scheme, _)| scheme), &host.certificates) {
        (Some("unix"), _) => Docker::connect_with_unix(url, seconds, api),
        (Some("tcp" | "http" | "https"), Some(folder)) => {
            let file = |name: &str| folder.join(name);
            Docker::connect_with_ssl(url, &file("key.pem"), &file("cert.pem"), &file("ca.pem"), seconds, api)
        }
        (Some("tcp" | "http"), None) => Docker::connect_with_http(url, seconds, api),
        (Some("ssh"), _) => {
            return Err(ImageError::EngineAddress {
                host: url.to_owned(),
                named_by: host.named_by.clone(),
                reason: "csw does not speak ssh".into(),
            });
        }
        _ => Err(Error::UnsupportedURISchemeError { uri: url.to_owned() }),
    };
    made.map_err(|e| match e {
        Error::UnsupportedURISchemeError { .. } => ImageError::EngineAddress {
            host: url.to_owned(),
            named_by: host.named_by.clone(),
            reason: "expected unix:///path or tcp://host:port".into(),
        },
        e => unreachable(host, e),
    })
}

fn unreachable(host: &DockerHost, error: Error) -> ImageError {
    if let Error::SocketNotFoundError(_) = error {
        return ImageError::NoEngine { tried: vec![host.url.clone()] };
    }
    if let Error::DockerResponseServerError { status_code: 400, message } = &error
        && message.contains("too new")
    {
        return ImageError::EngineTooOld { host: host.url.clone(), version: message.clone() };
    }
    let kind = std::iter::successors(std::error::Error::source(&error), |e| e.source())
        .find_map(|e| e.downcast_ref::<std::io::Error>())
        .map(std::io::Error::kind);
    let socket = host.url.strip_prefix("unix://").map(Path::new);
    match (kind, socket) {
        (Some(std::io::ErrorKind::PermissionDenied), Some(socket)) => {
            ImageError::EnginePermission { socket: socket.to_owned() }
        }
        // A socket that nobody listens at is one that an engine left behind.
        (Some(std::io::ErrorKind::NotFound | std::io::ErrorKind::ConnectionRefused), Some(_)) => {
            ImageError::NoEngine { tried: vec![host.url.clone()] }
        }
        _ => ImageError::EngineUnreachable {
            host: host.url.clone(),
            named_by: host.named_by.clone(),
            source: error,
        },
    }
}

fn parse_api(text: &str) -> Option<ClientVersion> {
    let (major, minor) = text.split_once('.')?;
    Some(ClientVersion { major_version: major.parse().ok()?, minor_version: minor.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(url: &str) -> DockerHost {
        DockerHost { url: url.to_owned(), named_by: "DOCKER_HOST".into(), certificates: None }
    }

    #[tokio::test]
    async fn each_way_of_having_no_engine_is_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("docker.sock");
        let url = format!("unix://{}", path.display());
        let error = Engine::at(&host(&url)).await.unwrap_err();
        assert!(matches!(error, ImageError::NoEngine { .. }), "{error}");
        // A socket whose engine is gone.
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let error = Engine::at(&host(&url)).await.unwrap_err();
        assert!(matches!(error, ImageError::NoEngine { .. }), "{error}");
        let error = Engine::at(&host("ssh://me@there")).await.unwrap_err();
        assert!(error.to_string().contains("ssh"), "{error}");
        let error = Engine::at(&host("nonsense")).await.unwrap_err();
        assert!(error.to_string().contains("expected unix:///path"), "{error}");
    }

    #[tokio::test]
    async fn an_engine_that_is_too_old_or_no_engine_is_refused() {
        for (answer, expected) in [
            (
                "HTTP/1.1 400 Bad Request\r\nContent-Length: 88\r\n\r\n{\"message\":\"client version 1.41 is too new. Maximum supported API version is 1.40\"}     ",
                "too old",
            ),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 41\r\n\r\n{\"Version\":\"19.03.1\",\"ApiVersion\":\"1.40\"} ",
                "19.03.1",
            ),
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "cannot use"),
        ] {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let url = format!("tcp://{}", listener.local_addr().unwrap());
            let server = std::thread::spawn(move || {
                use std::io::{Read as _, Write as _};
                let (mut connection, _) = listener.accept().unwrap();
                assert!(connection.read(&mut [0; 4096]).unwrap() > 0);
                connection.write_all(answer.as_bytes()).unwrap();
            });
            let error = Engine::at(&host(&url)).await.unwrap_err();
            server.join().unwrap();
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
}
