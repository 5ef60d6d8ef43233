//! Builds that fail, and what must not happen to secrets.

use super::support::{Project, in_image};
use crate::support::{Sandbox, docker_says};

const RUN: (&str, &str) = ("run.sh", "echo '{}'\n");

fn failing(project: &Project, title: &str) {
    project.sandbox.write("csw.yaml", "");
    project.sandbox.write(
        &format!("templates/images/Tests/{title}.Dockerfile"),
        "FROM {{ base }}\nCOPY model/ /model/\nRUN echo compiling; echo 'no such header' >&2; exit 3\nRUN echo never\n",
    );
}

#[test]
fn a_failed_step_is_shown_with_its_last_lines_and_the_log_is_kept() {
    let Some(project) = Project::new() else { return };
    project.model("Broken", "", &[RUN]);
    failing(&project, "Broken");
    for builder in ["1", "0"] {
        let output = project.csw(&["models", "build", "--no-cache"]).env("DOCKER_BUILDKIT", builder).output();
        assert_eq!(output.code, 1, "{}", output.stderr);
        let error = output.stderr.split("error:").nth(1).unwrap();
        assert!(error.contains("RUN echo compiling") && error.contains("  no such header"), "{error}");
        let log = error.split("(all of it: ").nth(1).unwrap().split(')').next().unwrap();
        let log = std::fs::read_to_string(log).unwrap();
        assert!(log.contains("compiling") && log.contains("FROM "), "{log}");
    }
    // Nothing has the name, and no container is left.
    assert!(!project.corner.images().contains(&project.image("tests_broken_tasks")));
}

#[test]
fn the_others_are_built_when_errors_are_to_be_ignored() {
    let Some(project) = Project::new() else { return };
    for title in ["A", "Broken", "C"] {
        project.model(title, "", &[RUN, ("x", project.corner.project())]);
    }
    failing(&project, "Broken");
    let run = |args: &[&str]| project.csw(args).env("GITHUB_ACTIONS", "true").env("CI", "true").output();
    for args in [
        ["models", "--ignore-ci-errors", "build", "--format=name", "--force"],
        ["models", "build", "--ignore-ci-errors", "--format=name", "--force"],
    ] {
        let output = run(&args);
        assert_eq!(output.code, 1, "{}", output.stderr);
        let built: Vec<&str> = output.stdout.lines().collect();
        assert_eq!(built, [project.image("tests_a_tasks"), project.image("tests_c_tasks")]);
        assert!(output.stderr.contains("1 of 3 images were not built: Tests/Broken"), "{}", output.stderr);
    }
    let output = run(&["models", "build", "--force", "--jobs", "1"]);
    assert_eq!(output.code, 1);
    assert!(output.stderr.contains("1 others were not built"), "{}", output.stderr);
    // GitHub shows the failure beside the model's file.
    let line = output.stderr.lines().find(|l| l.starts_with("::error ")).unwrap();
    assert!(line.starts_with("::error file=config/Tests/Broken.yaml,line=2,title=Tests/Broken::"), "{line}");
    assert!(line.contains("no such header"), "{line}");
    assert!(output.stderr.contains("::group::Tests/A: built in"), "{}", output.stderr);
    assert_eq!(output.stderr.matches("::group::").count(), output.stderr.matches("::endgroup::").count());
}

#[test]
fn a_build_secret_is_seen_by_a_step_and_by_nobody_else() {
    let Some(project) = Project::new() else { return };
    let value = format!("s3cret-{}", project.corner.project());
    // The step sees it, and proves so without keeping it.
    let script = "test \"$(cat /run/secrets/token)\" = \"$(cat expected | tr a-z b-za)\" && wc -c </run/secrets/token > /length\n";
    let shifted: String = value
        .chars()
        .map(|c| if c.is_ascii_lowercase() { if c == 'a' { 'z' } else { (c as u8 - 1) as char } } else { c })
        .collect();
    project.model(
        "Secretive",
        "secrets: [TOKEN]\n",
        &[RUN, ("cs-config/install.sh", script), ("expected", &shifted)],
    );
    let output = project
        .csw(&["models", "build", "-vvv", "--secret", "id=token,env=TOKEN_VALUE"])
        .env("TOKEN_VALUE", &value)
        .output();
    assert_eq!(output.code, 0, "{}", output.stderr);
    assert!(!output.stderr.contains(&value));
    let image = project.image("tests_secretive_tasks");
    assert_eq!(in_image(&image, "cat /length"), value.len().to_string());
    assert!(in_image(&image, "ls /run/secrets 2>/dev/null | wc -l") == "0");
    let told = docker_says(["history", "--no-trunc", &image]) + &docker_says(["inspect", &image]);
    assert!(!told.contains(&value));
    // The classic builder would keep it.
    let output = project
        .csw(&["models", "build", "--secret", "id=token,env=TOKEN_VALUE"])
        .env("TOKEN_VALUE", &value)
        .env("DOCKER_BUILDKIT", "0")
        .output();
    assert_eq!(output.code, 1);
    assert!(output.stderr.contains("BuildKit"), "{}", output.stderr);
    // As an argument it would be in the history.
    let output = project.csw(&["models", "build", "--build-arg", &format!("TOKEN={value}")]).output();
    assert_eq!(output.code, 1);
    assert!(output.stderr.contains("TOKEN") && !output.stderr.contains(&value), "{}", output.stderr);
    let output =
        project.csw(&["models", "build", "--force", "--secret", "id=token,env=TOKEN_VALUE"]).output();
    assert_eq!(output.code, 1);
    assert!(output.stderr.contains("TOKEN_VALUE"), "{}", output.stderr);
}

#[test]
fn two_builds_of_one_image_at_once_make_it_once() {
    let Some(project) = Project::new() else { return };
    project.model(
        "Twice",
        "",
        &[RUN, ("cs-config/install.sh", "sleep 1\n"), ("x", project.corner.project())],
    );
    let start = || {
        let mut command = project.csw(&["models", "build", "-o", "json"]).into_command();
        command.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::piped()).spawn().unwrap()
    };
    let both = [start(), start()].map(|child| child.wait_with_output().unwrap());
    let skipped = both.iter().map(|o| {
        serde_json::from_slice::<serde_json::Value>(&o.stdout).unwrap()["images"][0]["skipped"]
            .as_bool()
            .unwrap()
    });
    assert_eq!(skipped.filter(|s| *s).count(), 1);
}

#[test]
fn each_way_of_having_no_engine_says_what_to_do() {
    let sandbox = Sandbox::new();
    let run = |host: &str| {
        sandbox.csw(["svc", "build", "redis", "--project", "p"]).env("DOCKER_HOST", host).output()
    };
    let output = run("unix:///nowhere/docker.sock");
    assert_eq!(output.code, 4);
    assert!(
        output.stderr.contains("no Docker engine is running") && output.stderr.contains("hint:"),
        "{}",
        output.stderr
    );
    let output = run("ssh://me@there");
    assert_eq!(output.code, 1);
    assert!(output.stderr.contains("ssh -L"), "{}", output.stderr);
    let output = run("127.0.0.1");
    assert_eq!(output.code, 1);
    assert!(output.stderr.contains("DOCKER_HOST"), "{}", output.stderr);
}

#[test]
fn a_base_that_nobody_has_is_named() {
    let Some(project) = Project::new() else { return };
    project.model("Baseless", "", &[RUN]);
    let output = project.csw(&["models", "build"]).env("CSW_BASE_IMAGE", "127.0.0.1:1/no/base:1").output();
    assert_eq!(output.code, 4, "{}", output.stderr);
    assert!(
        output.stderr.contains("127.0.0.1:1/no/base:1") && output.stderr.contains("CSW_BASE_IMAGE"),
        "{}",
        output.stderr
    );
}
