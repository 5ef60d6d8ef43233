//! The Docker engine: where it is, base images that need no registry, and a corner of it for each test.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use sha2::{Digest as _, Sha256};

use super::Csw;
use super::require::{missing, on_path, require, run};

/// The label of all that tests leave in the engine on purpose: base images, which are used again.
const LABEL: &str = "csw-test";

const RECIPE: &str = include_str!("debian_root.sh");

/// What a base image has, of Debian's packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Base {
    /// Debian's Python 3 with pip, venv, setuptools and wheel, called `python` too, and a usual userland.
    Python,
    /// The same with pytest.
    Pytest,
    /// BusyBox, mawk and the C library; nothing else.
    Shell,
    /// Redis, its client, and BusyBox.
    Redis,
}

impl Base {
    /// Repository below `csw-test/`, packages, and what the image says of itself.
    fn parts(self) -> (&'static str, Vec<&'static str>, &'static [&'static str]) {
        const PYTHON: &[&str] = &[
            "python3",
            "python3-pip",
            "python3-setuptools",
            "python3-venv",
            "python3-wheel",
            "bash",
            "ca-certificates",
            "coreutils",
            "dash",
            "findutils",
            "grep",
            "gzip",
            "libc-bin",
            "libstdc++6",
            "passwd",
            "sed",
            "tar",
        ];
        const PYTHON_CONFIG: &[&str] = &[
            "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt",
            "CMD [\"python3\"]",
        ];
        match self {
            Self::Python => ("python", PYTHON.to_vec(), PYTHON_CONFIG),
            Self::Pytest => ("pytest", [PYTHON, &["python3-pytest"]].concat(), PYTHON_CONFIG),
            Self::Shell => ("shell", vec!["busybox-static"], &["CMD [\"sh\"]"]),
            Self::Redis => ("redis", vec!["redis-server", "busybox-static"], &["CMD [\"redis-server\"]"]),
        }
    }
}

/// The name of a base image in the engine; it is made when it isn't there. `None` leaves the test out, like
/// [`require`]: no engine answers, or this machine has no Debian packages to make it of.
pub fn base_image(base: Base) -> Option<String> {
    static MADE: [OnceLock<Result<String, String>>; 4] = [const { OnceLock::new() }; 4];
    if !require("docker") {
        return None;
    }
    let made = MADE[base as usize].get_or_init(|| ensure(base));
    if let Err(why) = made {
        missing("debian-packages", why);
    }
    made.clone().ok()
}

fn ensure(base: Base) -> Result<String, String> {
    if let Some(tool) = ["apt-get", "dpkg-deb", "tar"].into_iter().find(|tool| !on_path(tool)) {
        return Err(format!("{tool} is not on PATH"));
    }
    let (repository, packages, config) = base.parts();
    let mut recipe = Sha256::new();
    let parts = [RECIPE].into_iter().chain(packages.iter().copied()).chain(config.iter().copied());
    parts.for_each(|part| recipe.update(format!("{part}\0")));
    recipe.update(fs::read("/etc/ssl/certs/ca-certificates.crt").unwrap_or_default());
    let hash: String = recipe.finalize().iter().take(6).map(|b| format!("{b:02x}")).collect();
    let name = format!("csw-test/{repository}:{hash}");
    // Other test runs of this machine may be about to make the same one.
    let lock = fs::File::create(std::env::temp_dir().join(format!("csw-test-base-{hash}.lock"))).unwrap();
    lock.lock().map_err(|e| e.to_string())?;
    if docker(["image", "inspect", &name]).output().is_ok_and(|o| o.status.success()) {
        return Ok(name);
    }
    let folder = tempfile::Builder::new().prefix("csw-test-base-").tempdir().unwrap();
    let script = folder.path().join("debian_root.sh");
    fs::write(&script, RECIPE).unwrap();
    run(Command::new("sh").arg(&script).arg(folder.path()).args(&packages))?;
    import(&folder.path().join("root"), config, &name)?;
    Ok(name)
}

fn import(root: &Path, config: &[&str], name: &str) -> Result<(), String> {
    let mut tar = Command::new("tar")
        .args(["--numeric-owner", "--owner=0", "--group=0", "-c", "-C"])
        .arg(root)
        .arg(".")
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|e| format!("tar: {e}"))?;
    let mut import = docker(["import", "--change", &format!("LABEL {LABEL}=base")]);
    import.args(config.iter().flat_map(|change| ["--change", change])).args(["-", name]);
    let output = import.stdin(tar.stdout.take().unwrap()).output().map_err(|e| format!("docker: {e}"))?;
    let packed = tar.wait().map_err(|e| format!("tar: {e}"))?;
    if packed.success() && output.status.success() {
        return Ok(());
    }
    Err(format!("docker import {name}: {}", String::from_utf8_lossy(&output.stderr).trim()))
}

/// Whether an engine answers.
pub(super) fn engine() -> Result<(), String> {
    run(&mut docker(["version", "--format", "{{.Server.Version}}"]))
}

/// Docker's own client with these arguments, to look at what csw has done by other means than its own.
pub fn docker<const N: usize>(args: [&str; N]) -> Command {
    let mut command = Command::new("docker");
    command.args(args).stdin(Stdio::null());
    command
}

/// What Docker's own client writes to stdout, trimmed; it must succeed.
pub fn docker_says<const N: usize>(args: [&str; N]) -> String {
    let output = docker(args).output().unwrap();
    assert!(output.status.success(), "docker {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Where the engine is, as `DOCKER_HOST` takes it: of the environment, of Docker's context, or its usual socket.
pub fn docker_host() -> String {
    docker_says(["context", "inspect", "--format", "{{.Endpoints.docker.Host}}"])
}

impl Csw {
    /// With the engine of the tests: the environment of a sandbox says nothing of one.
    pub fn with_engine(self) -> Self {
        self.env("DOCKER_HOST", docker_host())
    }
}

/// A project of one test's own in the engine: its images, `…/<project>/…`, and their containers are removed at the end.
pub struct Corner {
    project: String,
}

impl Corner {
    pub fn new() -> Self {
        Self { project: format!("csw-test-{}", &uuid::Uuid::new_v4().simple().to_string()[..12]) }
    }

    /// The value for `PROJECT` or `--project`.
    pub fn project(&self) -> &str {
        &self.project
    }

    /// Its images, as `repository:tag`, or `repository@digest` where one has no tag, in order.
    pub fn images(&self) -> Vec<String> {
        let filter = format!("reference=*/{}/*", self.project);
        let format = "{{.Repository}} {{.Tag}} {{.Digest}}";
        let said = docker_says(["images", "--digests", "--format", format, "--filter", &filter]);
        let name = |line: &str| {
            let parts: Vec<&str> = line.split(' ').collect();
            match parts[1] {
                "<none>" => format!("{}@{}", parts[0], parts[2]),
                tag => format!("{}:{tag}", parts[0]),
            }
        };
        let mut names: Vec<String> = said.lines().map(name).collect();
        names.sort();
        names
    }

    /// Containers of its images, running or not, by id. Not by the engine's filter `ancestor`: that finds those of all
    /// images which were built on the same base, of other tests too.
    pub fn containers(&self) -> Vec<String> {
        let mut names = self.images();
        names.extend(names.iter().filter_map(|name| own_id(name)).collect::<Vec<_>>());
        let said = docker_says(["ps", "--all", "--no-trunc", "--format", "{{.ID}} {{.Image}}"]);
        let of_these = |line: &str| {
            let (id, image) = line.split_once(' ')?;
            names.iter().any(|name| name == image).then(|| id.to_owned())
        };
        let mut ids: Vec<String> = said.lines().filter_map(of_these).collect();
        ids.sort();
        ids
    }
}

/// The id of an image, unless it has a name outside of its repository as well: then it is others' too.
fn own_id(name: &str) -> Option<String> {
    let format = "{{.Id}}{{range .RepoTags}} {{.}}{{end}}";
    // It may have been removed meanwhile.
    let output = docker(["image", "inspect", "--format", format, name]).output().ok();
    let said = String::from_utf8(output.filter(|output| output.status.success())?.stdout).ok()?;
    let mut words = said.split_whitespace();
    let id = words.next()?.to_owned();
    let project = name.rsplit_once('/')?.0;
    words.all(|tag| tag.starts_with(project)).then_some(id)
}

impl Drop for Corner {
    fn drop(&mut self) {
        for container in self.containers() {
            docker(["rm", "--force", "--volumes", &container]).output().ok();
        }
        for image in self.images() {
            docker(["rmi", "--force", &image]).output().ok();
        }
    }
}

#[test]
fn base_images_run_what_they_are_for() {
    let run = |base, program: &[&str]| {
        let image = base_image(base)?;
        let mut command = docker(["run", "--rm", "--network=none", &image]);
        let output = command.args(program).output().unwrap();
        assert!(output.status.success(), "{base:?}: {}", String::from_utf8_lossy(&output.stderr));
        Some(String::from_utf8(output.stdout).unwrap())
    };
    let Some(said) = run(Base::Shell, &["sh", "-c", "echo 20 22 | awk '{ print $1 + $2 }'"]) else { return };
    assert_eq!(said, "42\n");
    let venv =
        "python -m venv /tmp/v && /tmp/v/bin/pip --version && python -c 'import setuptools, ssl, wheel'";
    let Some(said) = run(Base::Python, &["sh", "-c", venv]) else { return };
    assert!(said.starts_with("pip "), "{said}");
    let Some(said) = run(Base::Pytest, &["python3", "-m", "pytest", "--version"]) else { return };
    assert!(said.starts_with("pytest "), "{said}");
    let Some(said) = run(Base::Redis, &["redis-server", "--version"]) else { return };
    assert!(said.starts_with("Redis server v="), "{said}");
}
