//! What a test needs from outside, and what happens when it isn't there.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::clusters::{self, Release};

/// A service, and the cluster that is asked for it.
type Asked = (String, Option<&'static str>);

/// Programs that a test may ask for by their names.
const PROGRAMS: [&str; 9] =
    ["curl", "python3", "gawk", "mawk", "busybox", "bash", "make", "openssl", "chromium"];

/// Whether the service is there. If not, the test is left out like any other that [`missing`] is called in:
/// `if !require("pypi") { return; }`.
///
/// - `pypi`: a Python 3 that makes virtual environments, and a package index that pip reaches
/// - `docker`: a Docker engine and its client
/// - `landlock`: a kernel that keeps processes to their own files
/// - `redis`, `registry`: the programs of Redis and of a registry for images, which tests start themselves
/// - `kubernetes-oldest`, `kubernetes-newest`: a cluster of such a release among those whose kubeconfigs
///   `CSW_TEST_KUBECONFIG` lists
/// - `kubernetes`: kubectl, and the cluster that the test runs on, which may be used freely
/// - `kubernetes-node`: that its nodes run the image `csw-test/busybox:1`
/// - `kubernetes-restart`: a command that restarts the API server of the cluster that `KUBECONFIG` names,
///   `CSW_TEST_KUBE_RESTART`
/// - `kubernetes-node-loss`: one that takes its nodes away and brings others, `CSW_TEST_NODE_LOSS`
/// - `another-user`: the right to run programs as another user of this machine
/// - a program of that name on PATH
pub fn require(service: &str) -> bool {
    // Each is asked for once, however many tests need it; what is asked of a cluster, once of each.
    static KNOWN: Mutex<BTreeMap<Asked, Arc<OnceLock<Option<String>>>>> = Mutex::new(BTreeMap::new());
    let kubeconfig = service.starts_with("kubernetes").then(|| clusters::current().ok()).flatten();
    let asked = (service.to_owned(), kubeconfig.map(|cluster| cluster.kubeconfig.as_str()));
    let known = {
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(asked).or_default().clone()
    };
    let why = known.get_or_init(|| find(service).err());
    if let Some(why) = why {
        missing(service, why);
    }
    why.is_none()
}

fn find(service: &str) -> Result<(), String> {
    match service {
        "pypi" => pypi(),
        "docker" => super::docker::engine(),
        "landlock" => csw::isolation::not_enforced().map_or(Ok(()), |why| Err(why.to_owned())),
        "redis" => program("redis-server"),
        "registry" => program("docker-registry"),
        "kubernetes" => kubernetes(),
        "kubernetes-oldest" => clusters::find(Release::Oldest).map(drop),
        "kubernetes-newest" => clusters::find(Release::Newest).map(drop),
        "kubernetes-node" => node(),
        "kubernetes-restart" => restart_command().map(drop),
        "kubernetes-node-loss" => node_loss_command().map(drop),
        "another-user" => another_user(),
        name if PROGRAMS.contains(&name) => program(name),
        _ => panic!("no test knows a service `{service}`"),
    }
}

/// What is required is there even if no test has asked for it, and is spelt right.
#[test]
fn everything_that_is_required_is_there() {
    let required = std::env::var("CSW_TEST_REQUIRE").unwrap_or_default();
    for service in required.split(',').map(str::trim).filter(|s| !s.is_empty()) {
        assert!(require(service), "{service}");
    }
}

/// The shell command that restarts the API server of the cluster that `KUBECONFIG` names.
pub fn restart_command() -> Result<String, String> {
    command("CSW_TEST_KUBE_RESTART", "restarts the API server")
}

/// The shell command that takes the nodes of the cluster away that `KUBECONFIG` names, and brings others.
pub fn node_loss_command() -> Result<String, String> {
    command("CSW_TEST_NODE_LOSS", "takes the nodes away and brings others")
}

fn command(variable: &str, what: &str) -> Result<String, String> {
    let command = std::env::var(variable).ok().filter(|c| !c.is_empty());
    command.ok_or_else(|| format!("{variable} names no command that {what}"))
}

/// Says that a test is left out because `what` is missing, now and at the end of `make test`; fails it when
/// `CSW_TEST_REQUIRE` (a list with commas) names `what`. Use:
/// `if !present { return missing("gawk", "not on PATH"); }`.
pub fn missing(what: &str, why: &str) {
    let required = std::env::var("CSW_TEST_REQUIRE").unwrap_or_default();
    assert!(!required.split(',').any(|r| r.trim() == what), "{what} is required but missing: {why}");
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    eprintln!("skipped {test}: {what} is missing: {why}");
    // A runner of Rust tests has no end of its own: `make test` shows this file.
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("skipped");
    let mut file = fs::OpenOptions::new().create(true).append(true).open(file).unwrap();
    file.write_all(format!("{test}: {what} is missing: {why}\n").as_bytes()).unwrap();
}

/// Whether a program can be found on PATH.
pub fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

fn program(name: &str) -> Result<(), String> {
    if on_path(name) { Ok(()) } else { Err(format!("{name} is not on PATH")) }
}

/// A command that runs the rest of its arguments as a user who owns nothing of the test's.
pub fn as_another_user() -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs"]);
    command
}

fn another_user() -> Result<(), String> {
    program("setpriv")?;
    run(as_another_user().arg("true"))
}

fn pypi() -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let environment = folder.path().join("venv");
    run(Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
    run(Command::new(environment.join("bin/python"))
        .args(["-m", "pip", "download", "--quiet", "--no-deps", "--dest"])
        .arg(folder.path())
        .arg("six"))
}

fn kubernetes() -> Result<(), String> {
    kubectl(&["get", "--raw", "/readyz"])
}

fn node() -> Result<(), String> {
    kubernetes()?;
    kubectl(&["wait", "nodes", "--all", "--for=condition=Ready", "--timeout=60s"])
}

fn kubectl(args: &[&str]) -> Result<(), String> {
    run(Command::new("kubectl").args(args).env("KUBECONFIG", &clusters::current()?.kubeconfig))
}

/// Runs it to its end; if it fails, says how it ended: its last line.
pub fn run(command: &mut Command) -> Result<(), String> {
    let output = command.stdin(Stdio::null()).output().map_err(|e| format!("{command:?}: {e}"))?;
    if output.status.success() {
        return Ok(());
    }
    let text =
        String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    let last = text.lines().rfind(|l| !l.trim().is_empty()).unwrap_or("no message");
    Err(format!("{command:?}: {last}"))
}
