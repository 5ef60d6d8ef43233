//! Builds that are ended early or fail leave nothing behind.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::support::Project;
use crate::support::{docker, docker_says};

const RUN: (&str, &str) = ("run.sh", "echo '{}'\n");

/// A model whose build comes to a step that never ends, and the words that only this step has.
fn endless(project: &Project, title: &str) -> String {
    let seconds =
        format!("{}.5", 100_000 + u32::from_str_radix(&project.corner.project()[9..13], 16).unwrap());
    project.model(title, "", &[RUN, ("x", project.corner.project())]);
    project.sandbox.write("csw.yaml", "");
    project.sandbox.write(
        &format!("templates/images/Tests/{title}.Dockerfile"),
        format!(
            "FROM {{{{ base }}}}\nCOPY model/ /model/\nRUN touch /made\nRUN echo has\" \"come; sleep {seconds}\n"
        ),
    );
    format!("sleep {seconds}")
}

/// Starts a build, and waits until its endless step runs. Whoever calls this ends it.
#[allow(clippy::zombie_processes)]
fn start(project: &Project, builder: &str) -> (Child, BufReader<std::process::ChildStderr>) {
    let mut command =
        project.csw(&["models", "build", "--no-cache"]).env("DOCKER_BUILDKIT", builder).into_command();
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut all = String::new();
    while !all.trim_end().ends_with("has come") {
        assert!(said.read_line(&mut all).unwrap() > 0, "it has ended: {all}");
    }
    (child, said)
}

/// Processes of this machine, which the engine's are among, with these words in their command line.
fn processes(words: &str) -> usize {
    let commands = std::fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let text = std::fs::read(entry.ok()?.path().join("cmdline")).ok()?;
        Some(String::from_utf8_lossy(&text).replace('\0', " "))
    });
    commands.filter(|command| command.trim_end() == words).count()
}

fn until_gone(words: &str) {
    let started = Instant::now();
    while processes(words) > 0 {
        assert!(started.elapsed() < Duration::from_secs(60), "`{words}` still runs");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Images that the classic builder has made and not finished, by its log.
fn made(project: &Project, title: &str) -> Vec<String> {
    let log = format!(".cache/csw/logs/images/Tests-{title}.log");
    let log = std::fs::read_to_string(project.sandbox.home().join(log)).unwrap();
    // The first is what it starts from.
    let ids = log.lines().filter_map(|line| line.strip_prefix("---> ")).skip(1);
    ids.filter(|id| id.len() == 12).map(str::to_owned).collect()
}

fn nothing_is_left(project: &Project, title: &str, words: &str) {
    let containers = docker_says(["ps", "--all", "--no-trunc", "--format", "{{.Command}}"]);
    assert!(!containers.contains(words), "{containers}");
    for id in made(project, title) {
        let found = docker(["image", "inspect", &id]).output().unwrap();
        assert!(!found.status.success(), "{id} is left");
    }
    let image = project.image(&format!("tests_{}_tasks", title.to_lowercase()));
    assert!(!project.corner.images().contains(&image));
}

#[test]
fn a_build_that_is_interrupted_ends_in_the_engine_too() {
    let Some(project) = Project::new() else { return };
    let words = endless(&project, "Endless");
    for (builder, signal) in [("1", Signal::INT), ("0", Signal::TERM)] {
        let (mut child, mut said) = start(&project, builder);
        kill_process(Pid::from_child(&child), signal).unwrap();
        let mut rest = String::new();
        said.read_to_string(&mut rest).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(130), "{rest}");
        assert!(rest.contains("error: interrupted"), "{rest}");
        until_gone(&words);
        nothing_is_left(&project, "Endless", &words);
    }
    assert!(made(&project, "Endless").len() >= 2, "the classic builder has made something");
    // Nobody waits for a build that is gone.
    let output = project.csw(&["models", "build", "-n", "Tests/Endless", "--program", "/nowhere"]).output();
    assert_eq!(output.code, 1, "{}", output.stderr);
    assert!(!output.stderr.contains("Waiting for another csw"), "{}", output.stderr);
}

#[test]
fn the_engine_ends_the_build_of_a_csw_that_was_killed() {
    let Some(project) = Project::new() else { return };
    let words = endless(&project, "Killed");
    for builder in ["1", "0"] {
        let (mut child, _said) = start(&project, builder);
        child.kill().unwrap();
        child.wait().unwrap();
        until_gone(&words);
    }
}

#[test]
fn a_build_that_fails_leaves_nothing_without_a_name() {
    let Some(project) = Project::new() else { return };
    project.model("Fails", "", &[RUN, ("x", project.corner.project())]);
    project.sandbox.write("csw.yaml", "");
    project.sandbox.write(
        "templates/images/Tests/Fails.Dockerfile",
        "FROM {{ base }}\nCOPY model/ /model/\nRUN touch /made\nRUN exit 7\n",
    );
    let output = project.csw(&["models", "build"]).env("DOCKER_BUILDKIT", "0").output();
    assert_eq!(output.code, 1, "{}", output.stderr);
    assert!(made(&project, "Fails").len() >= 2, "the classic builder has made something");
    nothing_is_left(&project, "Fails", "exit 7");
    // What it starts from is still there.
    assert!(docker_says(["image", "inspect", "--format", "{{.Id}}", project.base()]).starts_with("sha256:"));
}

#[test]
fn others_are_ended_when_one_has_failed() {
    let Some(project) = Project::new() else { return };
    let words = endless(&project, "Slow");
    project.model("Bad", "", &[RUN]);
    project
        .sandbox
        .write("templates/images/Tests/Bad.Dockerfile", "FROM {{ base }}\nCOPY model/ /model/\nRUN exit 7\n");
    let output = project.csw(&["models", "build", "--no-cache", "--jobs", "2"]).output();
    assert_eq!(output.code, 1, "{}", output.stderr);
    assert_eq!(output.stderr.matches("error:").count(), 1, "{}", output.stderr);
    assert!(output.stderr.contains("1 others were not built"), "{}", output.stderr);
    until_gone(&words);
}
