//! Repositories: which commit is built, and that nothing of git gets into the image.

use std::path::Path;
use std::process::Command;

use super::support::{Project, in_image};

fn git(folder: &Path, args: &[&str]) -> String {
    let mut command = Command::new("git");
    command
        .arg("-C")
        .arg(folder)
        .args(["-c", "user.name=T", "-c", "user.email=t@example.org", "-c", "protocol.file.allow=always"])
        .args(args);
    let output = command.output().unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn repository(folder: &Path, files: &[(&str, &str)]) -> String {
    std::fs::create_dir_all(folder).unwrap();
    git(folder, &["init", "--quiet", "--initial-branch=main"]);
    commit(folder, files)
}

fn commit(folder: &Path, files: &[(&str, &str)]) -> String {
    for (path, text) in files {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    git(folder, &["add", "--all"]);
    git(folder, &["commit", "--quiet", "--message", "x"]);
    git(folder, &["rev-parse", "HEAD"])
}

#[test]
fn the_commit_that_a_branch_has_now_is_built_with_its_submodules() {
    let Some(project) = Project::new() else { return };
    let work = project.sandbox.work();
    let (module, origin, bare) = (work.join("module"), work.join("origin"), work.join("bare.git"));
    repository(&module, &[("deep.txt", "deep")]);
    repository(&origin, &[("run.sh", "echo '{}'\n"), ("v", "1")]);
    git(&origin, &["submodule", "--quiet", "add", module.to_str().unwrap(), "vendored"]);
    let first = commit(&origin, &[("v", project.corner.project())]);
    git(&work, &["clone", "--quiet", "--bare", origin.to_str().unwrap(), bare.to_str().unwrap()]);
    let file = format!(
        "owner: Tests\ntitle: Git\ntimestamp: 2026-01-01\nrepo_url: file://{}\nrepo_tag: main\nentry: {{command: [sh, run.sh]}}\n",
        bare.display()
    );
    project.sandbox.write("config/Tests/Git.yaml", file);
    project.sandbox.write("../home/.gitconfig", "[protocol \"file\"]\nallow = always\n");
    let build = || project.build(&["models", "build", "-n", "Tests/Git"])[0].clone();
    let image = project.image("tests_git_tasks");
    assert_eq!(build()["commit"], first.as_str());
    assert_eq!(in_image(&image, "cat v vendored/deep.txt"), format!("{}deep", project.corner.project()));
    assert_eq!(
        in_image(&image, "find / -name .git -o -name '.git*' 2>/dev/null | grep -v gitmodules | wc -l"),
        "0"
    );
    assert_eq!(build()["skipped"], true);
    // The branch moves: the next build is of its new commit.
    let second = commit(&origin, &[("v", "2")]);
    git(&origin, &["push", "--quiet", bare.to_str().unwrap(), "main"]);
    let built = build();
    assert_eq!((&built["commit"], &built["skipped"]), (&second.as_str().into(), &false.into()));
    // The environment weighs more than the file.
    let text =
        project.csw(&["models", "-n", "Tests/Git", "build", "-o", "json"]).env("REPO_TAG", &first).ok();
    assert!(text.contains(&first), "{text}");
    let output = project.csw(&["models", "-n", "Tests/Git", "build"]).env("REPO_TAG", "gone").output();
    assert_eq!(output.code, 1);
    assert!(output.stderr.contains("`gone`"), "{}", output.stderr);
}

#[test]
fn a_commit_that_leaves_the_models_folder_alone_builds_nothing() {
    let Some(project) = Project::new() else { return };
    let work = project.sandbox.work();
    project.model("Inside", "", &[("run.sh", "echo '{}'\n"), ("x", project.corner.project())]);
    git(&work, &["init", "--quiet"]);
    commit(&work, &[]);
    let build = || project.build(&["models", "build"])[0].clone();
    assert_eq!(build()["skipped"], false);
    let other = commit(&work, &[("README.md", "more")]);
    let built = build();
    assert_eq!((&built["skipped"], &built["commit"]), (&true.into(), &other.as_str().into()));
    // Neither do a new clone's times nor what tests leave behind.
    project.sandbox.write("repos/Inside/run.sh", "echo '{}'\n");
    project.sandbox.write("repos/Inside/__pycache__/x.pyc", "y");
    assert_eq!(build()["skipped"], true);
}
