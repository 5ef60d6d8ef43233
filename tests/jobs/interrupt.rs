//! Ctrl-C ends every command in the same way.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

use super::ECHO;
use crate::support::Sandbox;

/// Waits until the process has a way of its own with SIGINT.
fn listens(child: &Child) {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap().trim();
        if u64::from_str_radix(caught, 16).unwrap() & 2 != 0 {
            return;
        }
        assert!(Instant::now() < deadline, "it never listens for SIGINT");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn an_interrupt_is_told_by_one_exit_code() {
    let sandbox = Sandbox::new();
    sandbox.sh_model("Echo", ECHO);
    let up = sandbox.up(&["--max-jobs", "1"]);
    let csw = |args: &[&str]| sandbox.csw(args).env("CSW_SCHEDULER", &up.url);
    csw(&["jobs", "submit", "-n", "Test/Echo", "--id", "slow", "--set", "text=slow"]).ok();
    for args in [
        &["jobs", "wait", "slow"] as &[&str],
        &["jobs", "logs", "-f", "slow"],
        &["jobs", "list", "--watch"],
        &["jobs", "run", "-n", "Test/Echo", "--set", "text=slow"],
    ] {
        let mut command = csw(args).env("CSW_GRACE_PERIOD", "1").into_command();
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        listens(&child);
        rustix::process::kill_process(Pid::from_child(&child), Signal::INT).unwrap();
        let mut said = String::new();
        std::io::Read::read_to_string(child.stderr.as_mut().unwrap(), &mut said).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(130), "{args:?}: {said}");
        assert!(said.contains("interrupted"), "{args:?}: {said}");
    }
}
