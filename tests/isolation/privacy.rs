//! What csw's own processes show to others of the same user.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::process::{Child, Command, Stdio};

use crate::support::Sandbox;

/// A command that waits, run by another user than root where the test is root's: what is hidden from its own user is
/// root's then.
fn spawn(sandbox: &Sandbox, args: &[&str], env: &[(&str, &str)]) -> Child {
    let mut csw = sandbox.csw(args);
    for (name, value) in env {
        csw = csw.env(name, value);
    }
    let plain = csw.into_command();
    let root = rustix::process::getuid().is_root();
    let mut command = if root {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(plain.get_program());
        command.args(plain.get_args()).current_dir("/").env_clear();
        command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command
    } else {
        plain
    };
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

#[test]
fn the_environment_of_csw_is_for_nobody() {
    let sandbox = Sandbox::new();
    let home = sandbox.home();
    let open = |path: &std::path::Path| {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
    };
    for folder in [home.parent().unwrap(), &home, &sandbox.work()] {
        open(folder);
    }
    let data = home.join("data").display().to_string();
    let bucket = format!("file://{}", home.join("bucket").display());
    let up = ["up", "--listen", "127.0.0.1:0", "--data", &data];
    let token = [
        ("CSW_SCHEDULER_TOKEN", "hunter2"),
        ("CSW_CLUSTER_KEY", "hunter2hunter2hunter2hunter2hunter2hunter2"),
    ];
    let processor =
        ["--bucket", &bucket, "outputs-processor", "--start", "--listen", "127.0.0.1:0", "--data", &data];
    for args in [&up[..], &processor] {
        let mut child = spawn(&sandbox, args, &token);
        let environ = format!("/proc/{}/environ", child.id());
        let started = std::time::Instant::now();
        // It belongs to root from the moment on that the process hides it.
        let hidden = loop {
            let Ok(meta) = fs::metadata(&environ) else { break false };
            let program = fs::read(format!("/proc/{}/cmdline", child.id())).unwrap_or_default();
            let is_csw =
                String::from_utf8_lossy(&program).split('\0').next().is_some_and(|p| p.ends_with("csw"));
            if is_csw && meta.uid() == 0 && !readable(&environ) {
                break true;
            }
            if started.elapsed().as_secs() > 30 {
                break false;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        };
        let exited = child.try_wait().unwrap();
        drop(child.kill());
        child.wait().unwrap();
        assert!(hidden, "{args:?}: {exited:?}");
    }
}

/// Whether a process of the same user reads it.
fn readable(path: &str) -> bool {
    let mut command = match rustix::process::getuid().is_root() {
        true => {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "cat"]);
            command
        }
        false => Command::new("cat"),
    };
    let output = command.arg(path).stderr(Stdio::null()).output().unwrap();
    output.status.success()
}
