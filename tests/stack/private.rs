//! What csw keeps is its user's alone.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Sandbox, Up, as_another_user, require};

/// Everything below a folder, and the folder.
fn tree(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![folder.to_owned()];
    let mut at = 0;
    while let Some(path) = found.get(at).cloned() {
        at += 1;
        if path.is_dir() && !path.is_symlink() {
            found.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    found
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o777
}

fn open_to_others(folder: &Path) -> Vec<PathBuf> {
    tree(folder).into_iter().filter(|path| !path.is_symlink() && mode(path) & 0o077 != 0).collect()
}

/// `csw` where nothing is taken from what it makes.
fn without_umask(sandbox: &Sandbox, args: &[&str]) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", "umask 0 && exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_csw")]).args(args);
    command.current_dir(sandbox.work()).env_clear().env("HOME", sandbox.home());
    command.env("PATH", std::env::var_os("PATH").unwrap());
    command
}

fn stack(sandbox: &Sandbox) -> Up {
    Up::spawn(without_umask(sandbox, &["up", "--listen", "127.0.0.1:0", "--data", "data"]))
}

#[test]
fn nothing_that_is_kept_is_open_to_others_whatever_the_umask() {
    let sandbox = Sandbox::new();
    sandbox.sh_model("Echo", crate::jobs::ECHO);
    let up = stack(&sandbox);
    let jobs = |args: &[&str]| {
        let args = [&["jobs", args[0], "--scheduler", &up.url], &args[1..]].concat();
        let output = without_umask(&sandbox, &args).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    jobs(&["submit", "-n", "Test/Echo", "--id", "one", "--set", "text=hello"]);
    jobs(&["wait", "one"]);
    jobs(&["submit", "-n", "Test/Echo", "--id", "two", "--set", "text=slow"]);
    jobs(&["results", "one", "--out", "asked-for/one"]);
    while !sandbox.work().join("data/jobs/two/1/process.json").exists() {
        std::thread::yield_now();
    }
    let kept = ["data", "../home/.cache/csw", "../home/.local/state/csw"];
    let all: Vec<PathBuf> =
        kept.iter().flat_map(|folder| open_to_others(&sandbox.work().join(folder))).collect();
    assert!(all.is_empty(), "{all:?}");
    let names: Vec<String> =
        tree(&sandbox.work().join("data")).iter().map(|p| p.display().to_string()).collect();
    for part in [
        "store.redb",
        "store.key",
        "token",
        "stack.json",
        "bucket/one_renderable.zip",
        "jobs/two/1/kwargs.json",
    ] {
        assert!(names.iter().any(|name| name.ends_with(part)), "{part} in {names:?}");
    }
    // What was asked for by name is made as anything else of the user's.
    for path in ["asked-for", "asked-for/one", "asked-for/one/downloadable"] {
        assert_eq!(mode(&sandbox.work().join(path)), 0o777, "{path}");
    }
    let run = [
        "jobs",
        "run",
        "-n",
        "Test/Echo",
        "--id",
        "three",
        "--set",
        "text=hello",
        "--data",
        "data-2",
        "--out",
        "also/asked-for",
    ];
    assert!(without_umask(&sandbox, &run).output().unwrap().status.success());
    assert!(open_to_others(&sandbox.work().join("data-2")).is_empty());
    for path in tree(&sandbox.work().join("also")) {
        assert_eq!(mode(&path), if path.is_dir() { 0o777 } else { 0o666 }, "{}", path.display());
    }
}

#[test]
fn what_was_open_is_closed_at_the_start_and_that_is_said() {
    let sandbox = Sandbox::new();
    stack(&sandbox).terminate();
    let data = sandbox.work().join("data");
    let cache = sandbox.home().join(".cache/csw");
    for path in tree(&data).into_iter().chain([cache.clone()]) {
        let bits = if path.is_dir() { 0o755 } else { 0o644 };
        fs::set_permissions(path, fs::Permissions::from_mode(bits)).unwrap();
    }
    let up = stack(&sandbox);
    let said = up.line_with(&format!("Others could look into {}", data.display()));
    assert!(said.contains("closed to them now"), "{said}");
    assert!(up.said().contains(&format!("Others could look into {}", cache.display())), "{}", up.said());
    assert!(open_to_others(&data).is_empty() && mode(&cache) == 0o700);
    up.terminate();
    assert!(!stack(&sandbox).said().contains("Others could look"), "said once");
}

#[test]
fn a_folder_of_another_user_is_refused() {
    if !require("another-user") {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.sh_model("Echo", crate::jobs::ECHO);
    let theirs = sandbox.work().join("theirs");
    fs::create_dir(&theirs).unwrap();
    chown(&theirs, Some(65534), Some(65534)).unwrap();
    let key = "0123456789abcdef0123456789abcdef";
    for (args, variable) in [
        (&["up", "--listen", "127.0.0.1:0", "--data", "theirs"][..], "X"),
        (&["up", "--listen", "127.0.0.1:0", "--data", "mine"], "CSW_CACHE_DIR"),
        (&["jobs", "run", "-n", "Test/Echo", "--data", "theirs"], "X"),
        (&["models", "prepare"], "CSW_CACHE_DIR"),
        (&["outputs-processor", "--start", "--listen", "127.0.0.1:0", "--data", "theirs"], "X"),
    ] {
        let csw = sandbox.csw(args).env(variable, &theirs).env("CSW_CLUSTER_KEY", key);
        let output = csw.output();
        assert_eq!(output.code, 1, "{args:?}: {}", output.stderr);
        assert!(
            output.stderr.contains("theirs belongs to user 65534, not to user"),
            "{args:?}: {}",
            output.stderr
        );
        assert!(output.stderr.contains("Choose a folder of your own"), "{args:?}: {}", output.stderr);
    }
    assert_eq!(fs::read_dir(&theirs).unwrap().count(), 0);
    let everybodys = sandbox.work().join("everybodys");
    fs::create_dir(&everybodys).unwrap();
    fs::set_permissions(&everybodys, fs::Permissions::from_mode(0o1777)).unwrap();
    let output = sandbox.csw(["up", "--listen", "127.0.0.1:0", "--data", "everybodys"]).output();
    assert!(output.code == 1 && output.stderr.contains("everybody can write in"), "{}", output.stderr);
}

#[test]
fn another_user_sees_nothing_and_no_file_holds_an_attempts_token() {
    if !require("another-user") {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.sh_model("Echo", crate::jobs::ECHO);
    for folder in [sandbox.work().parent().unwrap().to_owned(), sandbox.work(), sandbox.home()] {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let up = stack(&sandbox);
    sandbox
        .csw([
            "jobs",
            "submit",
            "-n",
            "Test/Echo",
            "--id",
            "slow",
            "--set",
            "text=slow",
            "--scheduler",
            &up.url,
        ])
        .ok();
    let note = sandbox.work().join("data/jobs/slow/1/process.json");
    let process: serde_json::Value = loop {
        if let Ok(text) = fs::read(&note) {
            break serde_json::from_slice(&text).unwrap();
        }
        std::thread::yield_now();
    };
    let environment = fs::read_to_string(format!("/proc/{}/environ", process["pid"])).unwrap();
    let token = environment.split('\0').find_map(|v| v.strip_prefix("CSW_JOB_TOKEN=")).unwrap().to_owned();
    let signature = token.rsplit('.').next().unwrap();
    assert!(signature.len() > 30, "{token}");
    for path in tree(&sandbox.work().join("data")).into_iter().filter(|path| path.is_file()) {
        // What is renamed meanwhile is seen under its next name.
        let Ok(bytes) = fs::read(&path) else { continue };
        let found = bytes.windows(signature.len()).any(|part| part == signature.as_bytes());
        assert!(!found, "{} holds the token", path.display());
    }
    let look = as_another_user().arg("ls").arg(sandbox.work().join("data")).output().unwrap();
    assert!(!look.status.success() && look.stdout.is_empty());
    for path in tree(&sandbox.work().join("data")).into_iter().filter(|path| path.is_file()) {
        let read = as_another_user().arg("cat").arg(&path).output().unwrap();
        assert!(!read.status.success() && read.stdout.is_empty(), "{}", path.display());
    }
}
