//! A container registry: Debian's `docker-registry` on a loopback port, with a folder of its own.

use std::fs;
use std::io::{BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::require::run;
use super::token_server::TokenServer;

/// Who may enter where a login is wanted. The password is one that base64 writes with `+` and `/`.
pub const USER: &str = "deployer";
pub const PASSWORD: &str = "s3cret>>>???+/";
/// `PASSWORD` by bcrypt, the only hash that the registry takes.
const HTPASSWD: &str = "deployer:$2y$04$abcdefghijklmnopqrstuuW8cNKjtiW3U85NRgCNxS2wRfi6eVMh2\n";

/// How the registry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Login {
    /// Everybody may do everything.
    #[default]
    None,
    /// User and password.
    Basic,
    /// A token of [`TokenServer`], which takes the same user and password; anonymous ones may read.
    Token,
}

/// A running registry; killed when dropped.
pub struct Registry {
    child: Child,
    folder: tempfile::TempDir,
    /// `127.0.0.1:port`.
    pub address: String,
    pub tokens: Option<TokenServer>,
    log: Arc<(Mutex<Vec<String>>, Condvar)>,
}

impl Registry {
    /// One without login and TLS.
    pub fn start() -> Self {
        Self::with(Login::None, false)
    }

    pub fn with(login: Login, tls: bool) -> Self {
        let folder = tempfile::Builder::new().prefix("csw-test-registry-").tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let mut config = format!(
            "version: 0.1\nlog: {{level: info}}\nstorage:\n  filesystem: {{rootdirectory: \"{}\"}}\n  delete: {{enabled: true}}\nhttp:\n  addr: 127.0.0.1:0\n",
            path("data")
        );
        if tls {
            certificate(folder.path(), "tls", &["-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]);
            config +=
                &format!("  tls: {{certificate: \"{}\", key: \"{}\"}}\n", path("tls.crt"), path("tls.key"));
        }
        let mut tokens = None;
        match login {
            Login::None => {}
            Login::Basic => {
                fs::write(folder.path().join("htpasswd"), HTPASSWD).unwrap();
                config +=
                    &format!("auth:\n  htpasswd: {{realm: csw-test, path: \"{}\"}}\n", path("htpasswd"));
            }
            Login::Token => {
                certificate(folder.path(), "token", &[]);
                let server =
                    TokenServer::start(&folder.path().join("token.key"), &folder.path().join("token.crt"));
                config += &format!(
                    "auth:\n  token: {{realm: \"{}\", service: csw-test, issuer: csw-test, rootcertbundle: \"{}\"}}\n",
                    server.url,
                    path("token.crt")
                );
                tokens = Some(server);
            }
        }
        fs::write(folder.path().join("config.yml"), config).unwrap();
        let mut child = Command::new("docker-registry")
            .args(["serve", &path("config.yml")])
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::<(Mutex<Vec<String>>, Condvar)>::default();
        follow(child.stdout.take().unwrap(), &log);
        follow(child.stderr.take().unwrap(), &log);
        let listening = |line: &String| {
            let (_, rest) = line.split_once("msg=\"listening on ")?;
            rest.split(['"', ',']).next().map(str::to_owned)
        };
        let address = wait(&log, "the registry to listen", |lines| lines.iter().find_map(listening));
        Self { child, folder, address, tokens, log }
    }

    /// A folder for `DOCKER_CONFIG`: logged in at `host` where the registry wants it, and trusting its certificate.
    pub fn docker_config(&self, host: &str) -> PathBuf {
        let folder = self.folder.path().join(format!("docker-{}", host.replace(':', "-")));
        let auth = STANDARD.encode(format!("{USER}:{PASSWORD}"));
        let config = format!(r#"{{"auths": {{"{host}": {{"auth": "{auth}"}}}}}}"#);
        self.trusting(&folder, host);
        fs::write(folder.join("config.json"), config).unwrap();
        folder
    }

    /// A folder for `DOCKER_CONFIG` of somebody who is not logged in.
    pub fn anonymous_config(&self, host: &str) -> PathBuf {
        let folder = self.folder.path().join("docker-anonymous");
        self.trusting(&folder, host);
        folder
    }

    fn trusting(&self, folder: &Path, host: &str) {
        let certificates = folder.join("certs.d").join(host);
        fs::create_dir_all(&certificates).unwrap();
        let own = self.folder.path().join("tls.crt");
        if own.exists() {
            fs::copy(own, certificates.join("ca.crt")).unwrap();
        }
    }

    /// Requests so far, as `GET /v2/a/manifests/b 200`, in the order in which they ended.
    pub fn requests(&self) -> Vec<String> {
        // A request is written down after it is answered: one that nobody else makes shows that the others are.
        let marker = format!("/marker-{}", uuid::Uuid::new_v4());
        let mut connection = std::net::TcpStream::connect(&self.address).unwrap();
        let head = format!("GET {marker} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        std::io::Write::write_all(&mut connection, head.as_bytes()).unwrap();
        connection.read_to_end(&mut Vec::new()).unwrap();
        let access = |line: &String| {
            let (_, rest) = line.split_once("] \"")?;
            let (request, rest) = rest.split_once(" HTTP/1.1\" ")?;
            Some(format!("{request} {}", rest.split(' ').next()?))
        };
        wait(&self.log, "the marker", |lines| {
            let lines: Vec<String> = lines.iter().filter_map(access).collect();
            lines
                .iter()
                .any(|line| line.contains(&marker))
                .then(|| lines.into_iter().filter(|line| !line.contains("/marker-")).collect())
        })
    }

    /// Uploads to the repository that were begun and neither finished nor cancelled.
    pub fn uploads(&self, repository: &str) -> Vec<PathBuf> {
        let repositories = self.folder.path().join("data/docker/registry/v2/repositories");
        let entries = fs::read_dir(repositories.join(repository).join("_uploads")).into_iter().flatten();
        // The registry leaves a folder behind, without this file.
        entries.map(|entry| entry.unwrap().path().join("startedat")).filter(|file| file.exists()).collect()
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        // It may have been killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A self-signed certificate `name.crt` and its key `name.key`, on the P-256 curve.
fn certificate(folder: &Path, name: &str, more: &[&str]) {
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]);
    openssl.args(["-days", "30", "-subj", "/CN=csw-test", "-addext", "basicConstraints=critical,CA:FALSE"]);
    openssl.arg("-keyout").arg(folder.join(format!("{name}.key")));
    openssl.arg("-out").arg(folder.join(format!("{name}.crt"))).args(more);
    run(&mut openssl).unwrap();
}

fn follow(output: impl Read + Send + 'static, log: &Arc<(Mutex<Vec<String>>, Condvar)>) {
    let log = Arc::clone(log);
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            log.0.lock().unwrap().push(line);
            log.1.notify_all();
        }
    });
}

fn wait<T>(log: &(Mutex<Vec<String>>, Condvar), what: &str, find: impl Fn(&[String]) -> Option<T>) -> T {
    let mut lines = log.0.lock().unwrap();
    loop {
        if let Some(found) = find(&lines) {
            return found;
        }
        let (more, waited) = log.1.wait_timeout(lines, Duration::from_secs(60)).unwrap();
        assert!(!waited.timed_out(), "in vain for {what}: {more:#?}");
        lines = more;
    }
}
