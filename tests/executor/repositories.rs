//! Repositories that lead out of themselves or want to run programs, and what a user's own git is configured to do.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::{Csw, Output, Sandbox};

const CANARY: &str = "c4n4ry-of-the-host";
const PLAIN: &str = "def get_version():\n    return 'one'\n";

struct Place {
    sandbox: Sandbox,
}

impl Place {
    fn new() -> Self {
        let place = Self { sandbox: Sandbox::new() };
        place.sandbox.write("canary", format!("{CANARY} =\n"));
        place.sandbox.write("elsewhere/requirements.txt", format!("{CANARY} =\n"));
        place.write("cs-config/cs_config/__init__.py", "");
        place.write("cs-config/cs_config/functions.py", PLAIN);
        place.model("./repo", "");
        place
    }

    fn model(&self, repo: &str, more: &str) {
        let text = format!("owner: Me\ntitle: M\ntimestamp: \"2026-01-01 00:00\"\nrepo_url: {repo}\n{more}");
        self.sandbox.write("config/Me/M.yaml", text);
    }

    fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        self.sandbox.write(&format!("repo/{path}"), content);
    }

    fn repo(&self) -> PathBuf {
        self.sandbox.work().join("repo")
    }

    fn csw(&self) -> Csw {
        self.sandbox.csw(["models", "prepare", "-o", "json", "--update"]).env("GIT_CONFIG_NOSYSTEM", "1")
    }

    fn prepare(&self) -> Output {
        self.csw().output()
    }

    fn commit_of(&self, output: &Output) -> String {
        assert_eq!(output.code, 0, "{}", output.stderr);
        let list: Value = serde_json::from_str(&output.stdout).unwrap();
        list[0]["commit"].as_str().unwrap().to_owned()
    }

    fn git(&self, args: &[&str]) -> String {
        git(&self.repo(), args)
    }

    fn commit(&self) -> String {
        if !self.repo().join(".git").exists() {
            self.git(&["init", "--quiet", "--initial-branch=main"]);
        }
        self.git(&["add", "-A"]);
        self.git(&["commit", "--quiet", "--allow-empty", "-m", "change"]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// Configures the user's git.
    fn configure(&self, text: &str) {
        fs::write(self.sandbox.home().join(".gitconfig"), text).unwrap();
    }

    /// A program that leaves a trace, in words for a configuration of git.
    fn program(&self, name: &str) -> String {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.sandbox.write(
            &format!("programs/{name}"),
            format!("#!/bin/sh\ntouch {}\nexit 1\n", self.traces().join(name).display()),
        );
        fs::create_dir_all(self.traces()).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path.display().to_string()
    }

    fn traces(&self) -> PathBuf {
        self.sandbox.work().join("traces")
    }

    fn nothing_ran(&self, what: &str) {
        let ran: Vec<_> = fs::read_dir(self.traces()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert!(ran.is_empty(), "{what}: {ran:?}");
    }
}

fn git(folder: &Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=T", "-c", "user.email=t@example.org", "-c", "protocol.file.allow=always"])
        .args(args)
        .current_dir(folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn nothing_outside_of_a_repository_is_read_whatever_names_it() {
    let links: &[(&str, &str)] = &[
        ("requirements.txt", "../canary"),
        ("environment.yml", "../canary"),
        ("environment.yaml", "../canary"),
        ("pyproject.toml", "../canary"),
        ("setup.py", "../canary"),
        ("setup.cfg", "../canary"),
        ("cs-config/requirements.txt", "../../canary"),
        ("cs-config/environment.yml", "../../canary"),
        ("cs-config/install.sh", "../../canary"),
        ("cs-config/pyproject.toml", "../../canary"),
    ];
    for (path, to) in links {
        let place = Place::new();
        symlink(to, place.repo().join(path)).unwrap();
        refused(&place, &format!("{path} -> {to}"));
        fs::remove_file(place.repo().join(path)).unwrap();
        symlink(place.sandbox.work().join("canary"), place.repo().join(path)).unwrap();
        refused(&place, &format!("{path} -> absolute"));
    }
    let files: &[(&str, &str)] = &[
        ("requirements.txt", "-r ../canary\n"),
        ("requirements.txt", "--requirement=../canary # why\n"),
        ("requirements.txt", "-c../canary\n"),
        ("requirements.txt", "-r HERE/canary\n"),
        ("requirements.txt", "-r file://HERE/canary\n"),
        ("requirements.txt", "-r sub/../../canary\n"),
        ("requirements.txt", "-r more.txt\n"),
        ("requirements.txt", "-r ${HOME}/../work/canary\n"),
        ("requirements.txt", "# x \\\n-r ../canary\n"),
        ("requirements.txt", "./../elsewhere\n"),
        ("requirements.txt", "-e ../elsewhere\n"),
        ("requirements.txt", "x @ file://HERE/elsewhere\n"),
        ("requirements.txt", "--find-links HERE\n"),
        ("environment.yml", "dependencies: [{pip: [-r ../canary]}]\n"),
        ("environment.yml", "dependencies: [{pip: [../elsewhere]}]\n"),
        ("cs-config/install.sh", "pip install -r ../canary\n"),
        ("cs-config/install.sh", "pip install -r HERE/canary\n"),
    ];
    for (path, text) in files {
        let place = Place::new();
        let here = place.sandbox.work().canonicalize().unwrap();
        place.write("sub/x", "");
        place.write("more.txt", "# fine\n-r ../canary\n");
        place.write(path, text.replace("HERE", here.to_str().unwrap()));
        refused(&place, &format!("{path}: {text}"));
    }
    // A folder that is a link.
    let place = Place::new();
    fs::remove_dir_all(place.repo().join("cs-config")).unwrap();
    symlink("../elsewhere", place.repo().join("cs-config")).unwrap();
    refused(&place, "cs-config");
}

fn refused(place: &Place, what: &str) {
    let output = place.prepare();
    assert_eq!(output.code, 1, "{what}: {}", output.stderr);
    let said = ["leads out of the repository", "expected a path without variables"];
    assert!(said.iter().any(|words| output.stderr.contains(words)), "{what}: {}", output.stderr);
    assert!(!format!("{}{}", output.stdout, output.stderr).contains(CANARY), "{what}: {}", output.stderr);
    let logs = place.sandbox.home().join(".cache/csw/logs/Me-M.log");
    assert!(!fs::read_to_string(logs).unwrap_or_default().contains(CANARY), "{what}");
}

#[test]
fn links_that_stay_in_the_repository_count() {
    let place = Place::new();
    place.write("reqs/base.txt", "# nothing\n");
    place.write("reqs/all.txt", "-r reqs/base.txt\n");
    symlink("reqs/all.txt", place.repo().join("requirements.txt")).unwrap();
    symlink("../reqs/base.txt", place.repo().join("cs-config/requirements.txt")).unwrap();
    place.commit_of(&place.prepare());
}

#[test]
fn a_commit_with_a_link_in_the_folders_place_is_refused() {
    let place = Place::new();
    place.write("sub/cs-config/cs_config/functions.py", PLAIN);
    fs::rename(place.repo().join("sub"), place.repo().join("aside")).unwrap();
    symlink("/etc", place.repo().join("sub")).unwrap();
    let bad = place.commit();
    fs::remove_file(place.repo().join("sub")).unwrap();
    fs::rename(place.repo().join("aside"), place.repo().join("sub")).unwrap();
    place.commit();
    place.model("./repo/sub", &format!("repo_tag: {bad}\n"));
    refused(&place, "sub -> /etc");
}

#[test]
fn no_configuration_of_git_runs_a_program() {
    let place = Place::new();
    place.write(".gitattributes", "* filter=mine diff=mine\n");
    place.write("data.txt", "data");
    let first = place.commit();
    let run = |name: &str| place.program(name);
    let all = format!(
        "[core]\nfsmonitor = {0}\nhooksPath = {1}\nalternateRefsCommand = {0}\npager = {0}\neditor = {0}\n\
         [filter \"mine\"]\nclean = {2}\nsmudge = {2}\nprocess = {3}\nrequired = true\n\
         [filter \"a=b\"]\nclean = {2}\nsmudge = {2}\n\
         [diff]\nexternal = {4}\n[diff \"mine\"]\ncommand = {4}\ntextconv = {4}\n\
         [init]\ntemplateDir = {5}\n[protocol \"ext\"]\nallow = always\n\
         [uploadpack]\npackObjectsHook = {0}\n",
        run("fsmonitor"),
        place.sandbox.work().join("hooks").display(),
        run("filter"),
        run("process"),
        run("external"),
        place.sandbox.work().join("template").display(),
    );
    for hook in ["post-checkout", "post-index-change", "reference-transaction", "pre-auto-gc"] {
        let program = run(hook);
        for folder in ["hooks", "template/hooks", "repo/.git/hooks"] {
            place.sandbox.write(&format!("{folder}/x"), "");
            symlink(&program, place.sandbox.work().join(folder).join(hook)).unwrap();
        }
    }
    let url = format!("file://{}", place.repo().display());
    let local = fs::read_to_string(place.repo().join(".git/config")).unwrap();
    for (of_the_user, of_the_repository) in
        [(all.as_str(), ""), ("", all.as_str()), (all.as_str(), all.as_str())]
    {
        place.configure(of_the_user);
        fs::write(place.repo().join(".git/config"), format!("{local}{of_the_repository}")).unwrap();
        // Times that git does not know make it look at what is in files.
        place.write("data.txt", "data");
        for (repo, more) in [("./repo", ""), ("./repo", "repo_tag: main\n"), (url.as_str(), "")] {
            place.model(repo, more);
            let _ = fs::remove_dir_all(place.sandbox.home().join(".cache"));
            let output = place
                .csw()
                .env("GIT_EXTERNAL_DIFF", run("env-external"))
                .env("GIT_TEMPLATE_DIR", place.sandbox.work().join("template"))
                .env("GIT_ALLOW_PROTOCOL", "file:ext")
                .output();
            assert_eq!(place.commit_of(&output), first, "{repo} {more}");
            place.nothing_ran(&format!("{repo} {more}"));
        }
        place.write("data.txt", "more");
        place.model("./repo", "");
        assert!(place.commit_of(&place.prepare()).starts_with("local-"));
        place.nothing_ran("a changed folder");
    }
}

#[test]
fn submodules_run_no_program_and_find_no_way_out() {
    let place = Place::new();
    let program = place.program("ext");
    place.configure("[protocol]\nallow = always\n[protocol \"ext\"]\nallow = always\n");
    place.commit();
    for url in
        [format!("ext::sh -c {program}"), format!("--upload-pack={program}"), "../../canary".to_owned()]
    {
        place.write(
            ".gitmodules",
            format!("[submodule \"m\"]\n\tpath = m\n\turl = {url}\n\tupdate = !{program}\n"),
        );
        let object = place.git(&["rev-parse", "HEAD"]);
        place.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{object},m")]);
        place.git(&["add", ".gitmodules"]);
        place.git(&["commit", "--quiet", "--allow-empty", "-m", "module"]);
        place.model(&format!("file://{}", place.repo().display()), "");
        let output = place.prepare();
        assert_ne!(output.code, 0, "{url}");
        place.nothing_ran(&url);
    }
    // A submodule of a folder that is used in place has a configuration of its own.
    let place = Place::new();
    let program = place.program("of-the-module");
    fs::create_dir_all(place.repo().join("m")).unwrap();
    let module = place.repo().join("m");
    git(&module, &["init", "--quiet"]);
    fs::write(module.join(".gitattributes"), "* filter=x\n").unwrap();
    git(&module, &["add", "-A"]);
    git(&module, &["commit", "--quiet", "-m", "x"]);
    let first = place.commit();
    assert_eq!(place.commit_of(&place.prepare()), first, "an unchanged submodule");
    git(&module, &["config", "core.fsmonitor", &program]);
    git(&module, &["config", "filter.x.clean", &program]);
    fs::write(module.join(".gitattributes"), "* filter=x\n\n").unwrap();
    assert!(place.commit_of(&place.prepare()).starts_with("local-"));
    place.nothing_ran("the configuration of a submodule");
}

#[test]
fn the_repository_of_somebody_else_is_not_taken() {
    let place = Place::new();
    let private = place.sandbox.work().join("private");
    fs::create_dir(&private).unwrap();
    git(&private, &["init", "--quiet", "--initial-branch=main"]);
    fs::write(private.join("x"), CANARY).unwrap();
    git(&private, &["add", "-A"]);
    git(&private, &["commit", "--quiet", "-m", "x"]);
    place.write(".git", format!("gitdir: {}/.git\n", private.display()));
    place.model("./repo", "repo_tag: main\n");
    let output = place.prepare();
    assert_eq!(output.code, 1, "{}", output.stdout);
    assert!(output.stderr.contains("its git repository is elsewhere"), "{}", output.stderr);
    // A work tree that its repository knows is in order.
    fs::remove_dir_all(place.repo()).unwrap();
    git(&private, &["worktree", "add", "--quiet", "-b", "other", place.repo().to_str().unwrap()]);
    place.write("cs-config/cs_config/functions.py", PLAIN);
    let commit = place.commit();
    place.model("./repo", "repo_tag: other\n");
    assert_eq!(place.commit_of(&place.prepare()), commit);
    place.model("./repo", "");
    assert_eq!(place.commit_of(&place.prepare()), commit);
}
