//! Without `-n`, the models whose file differs from the base branch.

use std::path::Path;
use std::process::Command;

use crate::support::{Output, Sandbox};

fn git(folder: &Path, args: &[&str]) {
    let identity =
        ["-c", "user.name=Test", "-c", "user.email=test@localhost", "-c", "protocol.file.allow=always"];
    let output = Command::new("git").args(identity).arg("-C").arg(folder).args(args).output().unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn model(sandbox: &Sandbox, path: &str, title: &str, timestamp: &str) {
    let text =
        format!("owner: Me\ntitle: {title}\ntimestamp: \"{timestamp}\"\nrepo_url: https://localhost/x\n");
    sandbox.write(path, text);
}

/// A clone, in `work`, of a repository `home/origin` with the models Alpha, Beta and Gamma.
fn project() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("csw.yaml", "project: p\ntag: v1\n");
    for title in ["Alpha", "Beta", "Gamma"] {
        model(&sandbox, &format!("config/Me/{title}.yaml"), title, "2026-01-31");
    }
    let work = sandbox.work();
    git(&work, &["init", "--quiet", "--initial-branch", "trunk"]);
    commit(&sandbox);
    git(&sandbox.home(), &["clone", "--quiet", "--bare", work.to_str().unwrap(), "origin"]);
    git(&work, &["remote", "add", "origin", sandbox.home().join("origin").to_str().unwrap()]);
    git(&work, &["fetch", "--quiet"]);
    git(&work, &["remote", "set-head", "origin", "trunk"]);
    git(&work, &["checkout", "--quiet", "-b", "update"]);
    sandbox
}

fn commit(sandbox: &Sandbox) {
    git(&sandbox.work(), &["add", "--all"]);
    git(&sandbox.work(), &["commit", "--quiet", "--message", "Change"]);
}

fn config(sandbox: &Sandbox, args: &[&str]) -> Output {
    sandbox.csw([&["models", "config"], args].concat()).output()
}

/// Titles of the models that were rendered.
fn rendered(output: &Output) -> Vec<&'static str> {
    assert_eq!(output.code, 0, "{}", output.stderr);
    let there = |title: &str| output.stdout.contains(&format!("name: me-{}-", title.to_lowercase()));
    ["Alpha", "Beta", "Gamma", "Delta"].into_iter().filter(|title| there(title)).collect()
}

#[test]
fn what_differs_from_the_base_branch_is_worked_on() {
    let sandbox = project();
    let nothing = config(&sandbox, &[]);
    assert_eq!((nothing.code, nothing.stdout.as_str()), (0, ""));
    assert!(nothing.stderr.contains("no model differs from origin/trunk"), "{}", nothing.stderr);
    assert_eq!(rendered(&config(&sandbox, &["--all"])), ["Alpha", "Beta", "Gamma"]);

    // Committed, not committed, not even added.
    model(&sandbox, "config/Me/Alpha.yaml", "Alpha", "2026-02-28");
    commit(&sandbox);
    assert_eq!(rendered(&config(&sandbox, &[])), ["Alpha"]);
    model(&sandbox, "config/Me/Gamma.yaml", "Gamma", "2026-02-28");
    model(&sandbox, "config/Me/Delta.yaml", "Delta", "2026-02-28");
    let output = config(&sandbox, &[]);
    assert_eq!(rendered(&output), ["Alpha", "Gamma", "Delta"]);
    assert!(
        output.stderr.contains("differs from origin/trunk: Me/Alpha, Me/Delta, Me/Gamma"),
        "{}",
        output.stderr
    );
    // Names count more.
    assert_eq!(rendered(&sandbox.csw(["models", "-n", "Me/Beta", "config"]).output()), ["Beta"]);
    // From another folder of the project, in the position that the flag had before.
    let inside =
        sandbox.csw(["models", "--base-branch", "origin/trunk", "config"]).dir(sandbox.work().join("config"));
    assert_eq!(rendered(&inside.output()), ["Alpha", "Gamma", "Delta"]);
    assert_eq!(rendered(&config(&sandbox, &["--base-branch", "HEAD"])), ["Gamma", "Delta"]);

    // What the base branch has got since the branch left it is not this branch's.
    commit(&sandbox);
    let work = sandbox.work();
    git(&work, &["checkout", "--quiet", "trunk"]);
    model(&sandbox, "config/Me/Beta.yaml", "Beta", "2026-03-31");
    commit(&sandbox);
    git(&work, &["push", "--quiet", "origin", "trunk"]);
    git(&work, &["checkout", "--quiet", "update"]);
    assert_eq!(rendered(&config(&sandbox, &[])), ["Alpha", "Gamma", "Delta"]);

    std::fs::remove_file(work.join("config/Me/Beta.yaml")).unwrap();
    let output = config(&sandbox, &[]);
    assert_eq!(rendered(&output), ["Alpha", "Gamma", "Delta"]);
    assert!(output.stderr.contains("gone since origin/trunk: config/Me/Beta.yaml"), "{}", output.stderr);
    // A broken file is not left out as if it didn't differ.
    sandbox.write("config/Me/Delta.yaml", "owner: Me\n");
    let output = config(&sandbox, &[]);
    assert_eq!((output.code, output.stdout.as_str()), (1, ""));
    assert!(output.stderr.contains("some models are not valid"), "{}", output.stderr);
}

#[test]
fn what_cannot_be_compared_is_never_taken_for_unchanged() {
    let sandbox = project();
    for (args, words) in [
        (&["--base-branch", "no/such"][..], "work/config with no/such: there is no no/such"),
        (&["--base-branch", "--all"], "a value is required"),
        (&["--base-branch", "HEAD", "--all"], "cannot be used with"),
    ] {
        let output = config(&sandbox, args);
        assert_ne!(output.code, 0, "{args:?}");
        assert!(output.stderr.contains(words) && output.stdout.is_empty(), "{args:?}: {}", output.stderr);
    }
    let output = sandbox.csw(["models", "--base-branch", "HEAD", "list"]).output();
    assert_eq!(output.code, 2, "{}", output.stderr);

    // A clone that ends before the branches meet.
    model(&sandbox, "config/Me/Alpha.yaml", "Alpha", "2026-02-28");
    commit(&sandbox);
    git(&sandbox.work(), &["push", "--quiet", "origin", "update"]);
    let url = format!("file://{}", sandbox.home().join("origin").display());
    let shallow = sandbox.home().join("shallow");
    git(&sandbox.home(), &["clone", "--quiet", "--depth", "1", "--branch", "update", &url, "shallow"]);
    git(&shallow, &["fetch", "--quiet", "--depth", "1", "origin", "trunk:refs/remotes/origin/main"]);
    let output = sandbox.csw(["models", "config"]).dir(&shallow).output();
    assert_eq!((output.code, output.stdout.as_str()), (1, ""));
    assert!(
        output.stderr.contains("the clone is shallow") && output.stderr.contains("git fetch --unshallow"),
        "{}",
        output.stderr
    );

    // Where nothing says what to compare with, all of them: no base branch, and no repository.
    git(&sandbox.work(), &["remote", "remove", "origin"]);
    assert_eq!(rendered(&config(&sandbox, &[])), ["Alpha", "Beta", "Gamma"]);
    std::fs::remove_dir_all(sandbox.work().join(".git")).unwrap();
    assert_eq!(rendered(&config(&sandbox, &[])), ["Alpha", "Beta", "Gamma"]);
    let output = config(&sandbox, &["--base-branch", "origin/main"]);
    assert_eq!(output.code, 1);
    assert!(output.stderr.contains("not a git repository"), "{}", output.stderr);
}

#[test]
fn a_git_that_gives_no_answer_is_neither_no_repository_nor_a_change_of_everything() {
    // A remote, and no branch of it: as a pull request is checked out without a history.
    let sandbox = project();
    let work = sandbox.work();
    git(&work, &["remote", "set-head", "origin", "-d"]);
    git(&work, &["update-ref", "-d", "refs/remotes/origin/trunk"]);
    let output = config(&sandbox, &[]);
    assert_eq!((output.code, output.stdout.as_str()), (1, ""), "{}", output.stderr);
    for words in ["there is no base branch", "git fetch origin", "--base-branch", "--all"] {
        assert!(output.stderr.contains(words), "`{words}`: {}", output.stderr);
    }
    // No git to ask, and a repository.
    let output = sandbox.csw(["models", "config"]).env("PATH", "/nonexistent").output();
    assert_eq!((output.code, output.stdout.as_str()), (1, ""), "{}", output.stderr);
    assert!(output.stderr.contains("git can't be started"), "{}", output.stderr);
    // A configuration that git can't read.
    let sandbox = project();
    std::fs::write(sandbox.work().join(".git/config"), "[broken\ns3cret = c4n4ry").unwrap();
    let output = config(&sandbox, &[]);
    assert_eq!((output.code, output.stdout.as_str()), (1, ""), "{}", output.stderr);
    assert!(!output.stderr.contains("c4n4ry"), "{}", output.stderr);
    // Of another user.
    if rustix::process::geteuid().is_root() {
        let sandbox = project();
        assert!(Command::new("chown").args(["-R", "12345"]).arg(sandbox.work()).status().unwrap().success());
        for args in [&[][..], &["--base-branch", "origin/trunk"]] {
            let output = sandbox.csw([&["models"], args, &["config"]].concat()).output();
            assert_eq!((output.code, output.stdout.as_str()), (1, ""), "{}", output.stderr);
            assert!(output.stderr.contains("--add safe.directory"), "{}", output.stderr);
        }
    }
    // Alone there is nothing to compare with, which is said.
    let sandbox = project();
    git(&sandbox.work(), &["remote", "remove", "origin"]);
    let output = config(&sandbox, &[]);
    assert_eq!(rendered(&output), ["Alpha", "Beta", "Gamma"]);
    assert!(output.stderr.contains("no base branch to compare with"), "{}", output.stderr);
}

#[test]
fn new_files_count_whatever_the_user_has_configured() {
    let sandbox = project();
    model(&sandbox, "config/Me/Delta.yaml", "Delta", "2026-02-28");
    std::fs::write(sandbox.home().join("excludes"), "*.yaml\n").unwrap();
    for settings in [
        "[status]\nshowUntrackedFiles = no\n",
        "[core]\nexcludesFile = ~/excludes\n",
        "[diff]\nnoprefix = true\n",
    ] {
        std::fs::write(sandbox.home().join(".gitconfig"), settings).unwrap();
        assert_eq!(rendered(&config(&sandbox, &[])), ["Delta"], "{settings}");
    }
}
