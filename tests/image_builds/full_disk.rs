//! Builds by an engine whose disk is full: one of the test's own, on a file system of a few megabytes.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::support::Project;
use crate::support::{docker, missing, on_path};

/// More than an engine needs that does nothing, and less than the context of the test.
const SIZE: &str = "size=48m";

/// An engine that no container runs on; gone when dropped, with its file system.
struct SmallEngine {
    folder: tempfile::TempDir,
    child: Child,
}

impl SmallEngine {
    /// `None` leaves the test out: nobody but root may make file systems.
    fn start() -> Option<Self> {
        if !rustix::process::geteuid().is_root() || !on_path("dockerd") || !on_path("unshare") {
            missing("small-engine", "it needs root and dockerd");
            return None;
        }
        let folder = tempfile::Builder::new().prefix("csw-test-engine-").tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::create_dir(path("root")).unwrap();
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", SIZE, "tmpfs"]).arg(path("root")).output();
        if !mounted.is_ok_and(|output| output.status.success()) {
            missing("small-engine", "this machine mounts nothing");
            return None;
        }
        let log = std::fs::File::create(path("log")).unwrap();
        // In a network of its own: an engine without a bridge removes the one that other engines have.
        let mut dockerd = Command::new("unshare");
        dockerd.args(["--net", "dockerd"]);
        for (flag, name) in [("--data-root", "root"), ("--exec-root", "exec"), ("--pidfile", "pid")] {
            dockerd.arg(flag).arg(path(name));
        }
        dockerd
            .args(["--storage-driver=vfs", "--bridge=none", "--iptables=false", "--ip6tables=false"])
            .args(["--ip-forward=false", "--ip-masq=false", "--host"])
            .arg(format!("unix://{}", path("docker.sock").display()));
        let child =
            dockerd.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        let engine = Self { folder, child };
        let started = Instant::now();
        while !docker(["--host", &engine.host(), "version"]).output().unwrap().status.success() {
            if started.elapsed() > Duration::from_secs(60) {
                let said = std::fs::read_to_string(engine.path("log")).unwrap();
                missing("small-engine", said.lines().last().unwrap_or("it does not answer"));
                return None;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Some(engine)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn host(&self) -> String {
        format!("unix://{}", self.path("docker.sock").display())
    }

    fn says<const N: usize>(&self, args: [&str; N]) -> String {
        let mut command = docker(["--host", &self.host()]);
        String::from_utf8(command.args(args).output().unwrap().stdout).unwrap()
    }
}

impl Drop for SmallEngine {
    fn drop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).ok();
        self.child.wait().ok();
        Command::new("umount").arg("--recursive").arg(self.path("root")).output().ok();
    }
}

#[test]
fn a_full_disk_is_said_and_nothing_gets_the_name() {
    let Some(project) = Project::new() else { return };
    let Some(engine) = SmallEngine::start() else { return };
    project.model("Big", "", &[("run.sh", "echo '{}'\n")]);
    project.sandbox.write("repos/Big/data", crate::registry::content(60_000_000, 1));
    project.sandbox.write("csw.yaml", "");
    project.sandbox.write(
        "templates/images/Tests/Big.Dockerfile",
        "FROM scratch\nCOPY csw/program/ /usr/local/bin/\nCOPY model/ /model/\n",
    );
    for builder in ["1", "0"] {
        let csw = project.csw(&["models", "build"]).env("DOCKER_HOST", engine.host());
        let output = csw.env("DOCKER_BUILDKIT", builder).output();
        assert!(matches!(output.code, 1 | 4), "{builder}: {} {}", output.code, output.stderr);
        assert!(output.stderr.contains("no space left on device"), "{builder}: {}", output.stderr);
        assert!(
            output.stderr.contains("hint: make room where the engine keeps its images"),
            "{}",
            output.stderr
        );
        assert!(!output.stderr.contains("status code"), "{}", output.stderr);
        assert_eq!(engine.says(["images", "--all", "--quiet"]), "", "{builder}");
        assert_eq!(engine.says(["ps", "--all", "--quiet"]), "", "{builder}");
    }
}
