//! Schemathesis from PyPI asks a running stack for whatever its description allows, and for what it does not.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::{Sandbox, Up, require};

/// The program, installed once into the build folder. `None`: it can't be had here.
fn schemathesis() -> Option<PathBuf> {
    if !(require("python3") && require("pypi")) {
        return None;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("schemathesis-4.32.5");
    let lock = fs::File::create(folder.with_extension("lock")).unwrap();
    lock.lock().unwrap();
    let done = folder.join("done");
    if !done.exists() {
        drop(fs::remove_dir_all(&folder));
        let run = |program: &Path, args: &[&str]| {
            let output = Command::new(program).args(args).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        };
        run(Path::new("python3"), &["-m", "venv", folder.to_str().unwrap()]);
        let pip = ["-m", "pip", "install", "-q", "--disable-pip-version-check", "schemathesis==4.32.5"];
        run(&folder.join("bin/python"), &pip);
        fs::write(done, "").unwrap();
    }
    Some(folder.join("bin/schemathesis"))
}

#[test]
fn nothing_that_can_be_asked_breaks_the_scheduler_or_its_description() {
    let Some(program) = schemathesis() else { return };
    let sandbox = Sandbox::new();
    sandbox.sh_model("Echo", crate::jobs::ECHO);
    let up = Up::start(
        sandbox
            .csw(["up", "--listen", "127.0.0.1:0", "--data", "state"])
            .env("CSW_SCHEDULER_TOKEN", "s3cret"),
    );
    let jobs = |args: &[&str]| {
        let args = [&["jobs", args[0], "--scheduler", &up.url], &args[1..]].concat();
        sandbox.csw(args).env("CSW_SCHEDULER_TOKEN", "s3cret").output().code
    };
    for (id, text) in [("run-1", "text=hello"), ("run-2", "text=fail")] {
        assert_eq!(jobs(&["submit", "-n", "Test/Echo", "--id", id, "--set", text]), 0);
    }
    // Nothing is to be waited for later.
    assert_eq!(jobs(&["wait", "run-1", "run-2"]), 5);
    let output = Command::new(program)
        .current_dir(sandbox.work())
        .args(["run", &format!("{}openapi.json", up.url)])
        .args(["--header", "Authorization: Bearer s3cret", "--max-examples", "15", "--seed", "1"])
        .args(["--checks", "all"])
        // A list of models is valid by more than its shape; names of models, jobs and tasks must be known ones.
        .args(["--exclude-checks", "positive_data_acceptance"])
        .args(["--request-timeout", "30", "--no-color"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(!up.said().contains("panicked"), "{}", up.said());
}
