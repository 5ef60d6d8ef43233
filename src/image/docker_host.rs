//! Where the engine listens, found as the `docker` program finds it.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::{ImageError, docker_config};

/// An address of an engine, and who named it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DockerHost {
    /// `unix:///path`, `tcp://host:port`, …
    pub(super) url: String,
    /// For people: "DOCKER_HOST", "the Docker context `desktop`".
    pub(super) named_by: String,
    /// The folder with `ca.pem`, `cert.pem` and `key.pem`, where TLS is asked for.
    pub(super) certificates: Option<PathBuf>,
}

/// What of the process' surroundings has a say.
#[derive(Debug, Clone, Default)]
pub(super) struct Surroundings {
    pub(super) docker_host: Option<String>,
    pub(super) docker_context: Option<String>,
    pub(super) tls_verify: bool,
    pub(super) cert_path: Option<PathBuf>,
    /// The folder of `config.json`: `DOCKER_CONFIG`, else `~/.docker`.
    pub(super) config_folder: Option<PathBuf>,
    pub(super) home: Option<PathBuf>,
    pub(super) runtime_folder: Option<PathBuf>,
}

impl Surroundings {
    /// Those of this process.
    pub(super) fn of_process() -> Self {
        let text = |name| std::env::var(name).ok().filter(|v| !v.is_empty());
        let path = |name| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        let home = std::env::home_dir();
        Self {
            docker_host: text("DOCKER_HOST"),
            docker_context: text("DOCKER_CONTEXT"),
            tls_verify: text("DOCKER_TLS_VERIFY").is_some(),
            cert_path: path("DOCKER_CERT_PATH"),
            config_folder: path("DOCKER_CONFIG").or_else(|| home.as_ref().map(|h| h.join(".docker"))),
            runtime_folder: path("XDG_RUNTIME_DIR"),
            home,
        }
    }

    /// The addresses to try, in this order: one if somebody named it, else the usual sockets that exist.
    pub(super) fn candidates(&self, host: Option<&str>) -> Result<Vec<DockerHost>, ImageError> {
        if let Some(host) = host {
            return Ok(vec![self.named(host, "--docker-host")]);
        }
        if let Some(host) = &self.docker_host {
            return Ok(vec![self.named(host, "DOCKER_HOST")]);
        }
        let context = match &self.docker_context {
            Some(name) => Some(name.clone()),
            None => self.current_context()?,
        };
        match context.filter(|name| name != "default") {
            Some(name) => Ok(vec![self.context(&name)?]),
            None => Ok(self.usual_sockets().into_iter().map(|path| socket(&path)).collect()),
        }
    }

    /// The sockets of Docker Engine, Docker Desktop, the rootless engine, Colima and Podman.
    pub(super) fn usual_sockets(&self) -> Vec<PathBuf> {
        let home = |path: &str| self.home.as_ref().map(|h| h.join(path));
        let runtime = |path: &str| self.runtime_folder.as_ref().map(|r| r.join(path));
        let sockets = [
            Some(PathBuf::from("/var/run/docker.sock")),
            runtime("docker.sock"),
            home(".docker/run/docker.sock"),
            home(".colima/default/docker.sock"),
            runtime("podman/podman.sock"),
        ];
        sockets.into_iter().flatten().collect()
    }

    fn named(&self, host: &str, named_by: &str) -> DockerHost {
        let certificates = self.tls_verify.then(|| {
            self.cert_path
                .clone()
                .or_else(|| self.config_folder.clone())
                .unwrap_or_else(|| PathBuf::from("."))
        });
        DockerHost { url: host.to_owned(), named_by: named_by.to_owned(), certificates }
    }

    fn current_context(&self) -> Result<Option<String>, ImageError> {
        let Some(folder) = &self.config_folder else { return Ok(None) };
        let config = read(&folder.join("config.json"))?;
        Ok(config.and_then(|c| docker_config::text(&c, "currentContext").map(str::to_owned)))
    }

    fn context(&self, name: &str) -> Result<DockerHost, ImageError> {
        let unknown = || ImageError::UnknownContext { name: name.to_owned() };
        let folder = self.config_folder.as_ref().ok_or_else(unknown)?.join("contexts");
        let id: String = Sha256::digest(name.as_bytes()).iter().map(|b| format!("{b:02x}")).collect();
        let meta = read(&folder.join("meta").join(&id).join("meta.json"))?.ok_or_else(unknown)?;
        let within = |object: &Map<String, Value>, name: &str| match docker_config::field(object, name) {
            Some(Value::Object(part)) => Some(part.clone()),
            _ => None,
        };
        let endpoint = within(&meta, "Endpoints").and_then(|e| within(&e, "docker")).ok_or_else(unknown)?;
        // Without an address it is the usual one, as for `docker`.
        let host = docker_config::text(&endpoint, "Host").unwrap_or("unix:///var/run/docker.sock").to_owned();
        let certificates = Some(folder.join("tls").join(&id).join("docker")).filter(|f| f.is_dir());
        Ok(DockerHost { url: host, named_by: format!("the Docker context `{name}`"), certificates })
    }
}

fn socket(path: &Path) -> DockerHost {
    let url = format!("unix://{}", path.display());
    DockerHost { named_by: "docker's default".to_owned(), url, certificates: None }
}

/// A JSON file, `None` if it isn't there.
fn read(path: &Path) -> Result<Option<Map<String, Value>>, ImageError> {
    match std::fs::read(path) {
        Ok(bytes) => docker_config::parse(&bytes)
            .map(Some)
            .map_err(|reason| ImageError::DockerConfig { path: path.to_owned(), reason }),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(ImageError::io(path, e)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(surroundings: &Surroundings, host: Option<&str>) -> Vec<String> {
        surroundings.candidates(host).unwrap().into_iter().map(|h| h.url).collect()
    }

    #[test]
    fn who_names_an_engine_is_heard_in_dockers_order() {
        let folder = tempfile::tempdir().unwrap();
        let mut surroundings = Surroundings {
            home: Some("/home/x".into()),
            config_folder: Some(folder.path().to_owned()),
            ..Surroundings::default()
        };
        assert_eq!(urls(&surroundings, None)[0], "unix:///var/run/docker.sock");
        let id = "fe9c6bd7a66301f49ca9b6a70b217107cd1284598bfc254700c989b916da791e";
        let meta = folder.path().join("contexts/meta").join(id);
        std::fs::create_dir_all(&meta).unwrap();
        std::fs::write(
            meta.join("meta.json"),
            r#"{"Name":"desktop-linux","Metadata":{},"Endpoints":{"docker":{"Host":"unix:///d.sock","SkipTLSVerify":false}}}"#,
        )
        .unwrap();
        std::fs::write(folder.path().join("config.json"), r#"{"currentContext":"desktop-linux","auths":{}}"#)
            .unwrap();
        assert_eq!(urls(&surroundings, None), ["unix:///d.sock"]);
        surroundings.docker_context = Some("gone".into());
        let error = surroundings.candidates(None).unwrap_err().to_string();
        assert!(error.contains("`gone`"), "{error}");
        surroundings.docker_context = Some("default".into());
        assert_eq!(urls(&surroundings, None)[0], "unix:///var/run/docker.sock");
        surroundings.docker_host = Some("tcp://10.0.0.1:2376".into());
        surroundings.tls_verify = true;
        let named = &surroundings.candidates(None).unwrap()[0];
        assert_eq!(named.url, "tcp://10.0.0.1:2376");
        assert_eq!(named.certificates.as_deref(), Some(folder.path()));
        assert_eq!(urls(&surroundings, Some("unix:///mine")), ["unix:///mine"]);
    }

    #[test]
    fn a_configuration_that_cannot_be_read_is_named() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("config.json"), "{").unwrap();
        let surroundings =
            Surroundings { config_folder: Some(folder.path().to_owned()), ..Surroundings::default() };
        let error = surroundings.candidates(None).unwrap_err().to_string();
        assert!(error.contains("config.json"), "{error}");
    }
    #[test]
    fn files_that_say_nothing_are_none() {
        let folder = tempfile::tempdir().unwrap();
        let surroundings =
            Surroundings { config_folder: Some(folder.path().to_owned()), ..Surroundings::default() };
        for text in ["", "\n", "{}", "null", r#"{"currentContext": null}"#, r#"{"currentContext": ""}"#] {
            std::fs::write(folder.path().join("config.json"), text).unwrap();
            assert_eq!(urls(&surroundings, None)[0], "unix:///var/run/docker.sock", "{text:?}");
        }
        std::fs::write(folder.path().join("config.json"), r#"{"currentcontext": "desktop-linux"}"#).unwrap();
        let id = "fe9c6bd7a66301f49ca9b6a70b217107cd1284598bfc254700c989b916da791e";
        let meta = folder.path().join("contexts/meta").join(id);
        std::fs::create_dir_all(&meta).unwrap();
        for (text, url) in [
            (r#"{"endpoints": {"docker": {"host": "unix:///d.sock"}}}"#, "unix:///d.sock"),
            (r#"{"Endpoints": {"docker": {}}}"#, "unix:///var/run/docker.sock"),
        ] {
            std::fs::write(meta.join("meta.json"), text).unwrap();
            assert_eq!(urls(&surroundings, None), [url], "{text}");
        }
        for text in ["{}", r#"{"Endpoints": null}"#, r#"{"Endpoints": {}}"#, ""] {
            std::fs::write(meta.join("meta.json"), text).unwrap();
            assert!(surroundings.candidates(None).is_err(), "{text}");
        }
    }
}
