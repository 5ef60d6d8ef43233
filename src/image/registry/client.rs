use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use reqwest::Client;
use url::Url;

use super::auth::Auth;
use super::{RegistryError, Repository, certificates};
use crate::http;
use crate::image::credentials::{Credential, CredentialStore};

/// How long an answer to a small request may take.
const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// Docker Hub's API is elsewhere than its name says.
const DOCKER_HUB: (&str, &str) = ("docker.io", "registry-1.docker.io");

/// A registry, and who one is there. Cheap to clone; clones share tokens and connections.
#[derive(Debug, Clone)]
pub struct Registry {
    pub(super) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) host: String,
    pub(super) credential: Option<Credential>,
    pub(super) auth: tokio::sync::Mutex<Auth>,
    /// The most bytes that a request may carry, so that it gets through.
    pub(super) chunk: AtomicU64,
    config: Option<PathBuf>,
    line: RwLock<Arc<Line>>,
    known: AtomicBool,
}

/// Where the API is, and the connections there.
#[derive(Debug)]
pub(super) struct Line {
    /// Ends in `/v2/`.
    pub(super) base: Url,
    /// Whether it is certain that this is the way to it.
    pub(super) settled: bool,
    /// For what is answered at once.
    pub(super) http: Client,
    /// For uploads: each on a connection of its own, with no limit of time.
    pub(super) upload: Client,
}

impl Registry {
    /// The registry `host`, as image references have it (`gcr.io`, `localhost:5000`), with the credentials that are
    /// kept for it. Nothing is connected yet, but a credential helper may be.
    ///
    /// Speaks HTTPS; with loopback addresses HTTP where the registry does, as Docker.
    ///
    /// # Errors
    /// When the credentials can't be read, or certificates for the registry are not usable.
    pub async fn connect(host: &str, credentials: &CredentialStore) -> Result<Self, RegistryError> {
        let credential = credentials.get(host).await?;
        let config = credentials.folder().map(PathBuf::from);
        let line = Line::new(host, !is_loopback(host), config.as_deref())?;
        let inner = Inner {
            host: host.to_owned(),
            credential,
            auth: tokio::sync::Mutex::default(),
            chunk: AtomicU64::new(u64::MAX),
            config,
            line: RwLock::new(Arc::new(line)),
            known: AtomicBool::new(false),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The host, as image references have it.
    pub fn host(&self) -> &str {
        &self.inner.host
    }

    /// Who one is there, if anybody.
    pub fn credential(&self) -> Option<&Credential> {
        self.inner.credential.as_ref()
    }

    /// The repository at `path`, the part of a reference between host and tag.
    pub fn repository(&self, path: &str) -> Repository {
        let hub = self.host() == DOCKER_HUB.0 && !path.contains('/');
        Repository::new(self.clone(), if hub { format!("library/{path}") } else { path.to_owned() })
    }

    pub(super) fn line(&self) -> Arc<Line> {
        Arc::clone(&self.inner.line.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// From now on with or without TLS.
    pub(super) fn settle(&self, line: &Line, tls: bool) -> Result<(), RegistryError> {
        let settled = if tls {
            Line::new(&self.inner.host, true, self.inner.config.as_deref())?
        } else {
            Line {
                base: line.base.clone(),
                settled: true,
                http: line.http.clone(),
                upload: line.upload.clone(),
            }
        };
        *self.inner.line.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(settled);
        Ok(())
    }

    /// Whether it has answered before.
    pub(super) fn known(&self) -> bool {
        self.inner.known.load(Ordering::Relaxed)
    }

    pub(super) fn answered(&self) {
        self.inner.known.store(true, Ordering::Relaxed);
    }
}

impl Line {
    fn new(host: &str, tls: bool, config: Option<&std::path::Path>) -> Result<Self, RegistryError> {
        let setup = |why: String| RegistryError::Setup { registry: host.to_owned(), why };
        let scheme = if tls { "https" } else { "http" };
        let address = if host == DOCKER_HUB.0 { DOCKER_HUB.1 } else { host };
        let base = Url::parse(&format!("{scheme}://{address}/v2/")).map_err(|e| setup(e.to_string()))?;
        let builder = || {
            let builder = http::builder(&base);
            if tls { certificates::add(builder, host, config) } else { Ok(builder) }
        };
        let make = |builder: reqwest::ClientBuilder| builder.build().map_err(|e| setup(e.to_string()));
        let http = make(builder()?.read_timeout(READ_TIMEOUT))?;
        let upload = make(builder()?.pool_max_idle_per_host(0))?;
        Ok(Self { base, settled: tls, http, upload })
    }
}

/// Whether the registry is this machine, where Docker too takes one without TLS.
fn is_loopback(host: &str) -> bool {
    match Url::parse(&format!("http://{host}/")).ok().as_ref().and_then(Url::host) {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_spoken_to_without_tls() {
        for host in ["localhost:5000", "127.0.0.1:5000", "127.8.0.1", "[::1]:5000", "registry.localhost"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["gcr.io", "192.168.0.1:5000", "localhost.example.org"] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
