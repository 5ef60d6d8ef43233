//! Repositories and environments, made with the real git, venv and pip.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Csw, Output, Sandbox, missing, on_path, require};

const PLAIN: &str = "def get_version():\n    return 'one'\n";

/// A model of the name Owner/Title whose repository is `repo` below the working folder.
struct Setup {
    sandbox: Sandbox,
}

impl Setup {
    fn new() -> Self {
        let setup = Self { sandbox: Sandbox::new() };
        setup.model("../repo", "");
        setup.write("cs-config/cs_config/__init__.py", "");
        setup.write("cs-config/cs_config/functions.py", PLAIN);
        setup
    }

    /// Writes the model's file.
    fn model(&self, repo: &str, more: &str) {
        let text =
            format!("owner: Owner\ntitle: Title\ntimestamp: \"2026-01-01 00:00\"\nrepo_url: {repo}\n{more}");
        self.sandbox.write("project/config/Owner/Title.yaml", text);
    }

    fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        self.sandbox.write(&format!("repo/{path}"), content);
    }

    fn repo(&self) -> PathBuf {
        self.sandbox.work().join("repo").canonicalize().unwrap()
    }

    fn cache(&self) -> PathBuf {
        self.sandbox.home().join(".cache/csw")
    }

    fn csw(&self, args: &[&str]) -> Csw {
        self.sandbox.csw(args).dir(self.sandbox.work().join("project"))
    }

    fn try_prepare(&self) -> Output {
        self.csw(&["models", "prepare", "-o", "json"]).output()
    }

    fn prepare(&self) -> Value {
        prepared(&self.try_prepare())
    }

    fn git(&self, args: &[&str]) -> String {
        git(&self.repo(), args)
    }

    fn commit(&self) -> String {
        if !self.repo().join(".git").is_dir() {
            self.git(&["init", "--quiet", "--initial-branch=main"]);
        }
        self.git(&["add", "-A"]);
        self.git(&["commit", "--quiet", "-m", "change"]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// What the prepared model's `get_version` says, run as the scheduler runs it.
    fn version(&self, prepared: &Value) -> String {
        let launch = serde_json::json!({
            "task_id": "v", "task": "version", "model": "Owner/Title", "entry": {"python": {"interpreter": null}},
            "workdir": prepared["workdir"], "python": prepared["python"], "env": prepared["env"],
        });
        self.sandbox.write("attempt/launch.json", launch.to_string());
        self.sandbox.write("attempt/kwargs.json", "{}");
        let folder = self.sandbox.work().join("attempt");
        let args = ["job", "--job-id", "v", "--route-name", "version"];
        let log = self.sandbox.csw(args).env("CSW_JOB_DIR", &folder).output();
        let result: Value = serde_json::from_str(&self.sandbox.read("attempt/result.json")).unwrap();
        assert_eq!(result["status"], "SUCCESS", "{result}\n{}", log.stderr);
        result["outputs"]["version"].as_str().unwrap().to_owned()
    }
}

fn prepared(output: &Output) -> Value {
    assert_eq!(output.code, 0, "{}", output.stderr);
    let mut list: Value = serde_json::from_str(&output.stdout).unwrap();
    list[0].take()
}

fn git(folder: &Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=T", "-c", "user.email=t@example.org", "-c", "protocol.file.allow=always"])
        .args(args)
        .current_dir(folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A wheel of one module, so that pip has something to install without a network.
fn wheel(name: &str, module: &str) -> Vec<u8> {
    use std::io::Write;
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let info = format!("{name}-1.0.dist-info");
    let metadata = format!("Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n");
    let tag = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n";
    let record = format!("{name}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n");
    for (path, content) in [
        (format!("{name}.py"), module.to_owned()),
        (format!("{info}/METADATA"), metadata),
        (format!("{info}/WHEEL"), tag.to_owned()),
        (format!("{info}/RECORD"), record),
    ] {
        zip.start_file(path, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(content.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// A model that needs a wheel that lies in its own repository.
fn with_wheel() -> Setup {
    let setup = Setup::new();
    setup.write("wheels/needed-1.0-py3-none-any.whl", wheel("needed", "WORD = 'wheel'\n"));
    setup.write("requirements.txt", "# what it needs\n./wheels/needed-1.0-py3-none-any.whl\n");
    setup.write(
        "cs-config/cs_config/functions.py",
        "import needed\n\ndef get_version():\n    return needed.WORD\n",
    );
    setup
}

#[test]
fn a_folder_of_plain_python_is_used_in_place_without_an_environment() {
    let setup = Setup::new();
    setup.write("cs-config/setup.py", "import setuptools\nsetuptools.setup(name='cs-config')\n");
    let first = setup.prepare();
    assert_eq!(first["workdir"], setup.repo().to_str().unwrap());
    assert!(first["commit"].as_str().unwrap().starts_with("local-"), "{first}");
    assert!(Path::new(first["python"].as_str().unwrap()).is_absolute());
    assert!(!setup.cache().join("envs").exists());
    assert_eq!(setup.version(&first), "one");
    // An edit counts at once, and what running leaves behind does not.
    assert_eq!(setup.prepare()["commit"], first["commit"]);
    setup.write("cs-config/cs_config/functions.py", PLAIN.replace("one", "three"));
    let second = setup.prepare();
    assert_ne!(second["commit"], first["commit"]);
    assert_eq!(setup.version(&second), "three");
    setup.write(".gitignore", "__pycache__\n");
    let commit = setup.commit();
    assert_eq!(setup.prepare()["commit"], commit.as_str());
    setup.write("new.txt", "");
    assert!(setup.prepare()["commit"].as_str().unwrap().starts_with("local-"));
}

#[test]
fn a_git_repository_is_kept_by_commit_and_asked_again_only_on_request() {
    let setup = Setup::new();
    let first = setup.commit();
    let url = format!("file://{}", setup.repo().display());
    setup.model(&url, "repo_tag: main\n");
    let prepared = setup.prepare();
    let workdir = setup.cache().canonicalize().unwrap().join("checkouts/Owner-Title").join(&first);
    assert_eq!(prepared["workdir"], workdir.to_str().unwrap());
    assert_eq!(prepared["commit"], first.as_str());
    assert_eq!(setup.version(&prepared), "one");
    setup.write("cs-config/cs_config/functions.py", PLAIN.replace("one", "two"));
    let second = setup.commit();
    // Without a question to the repository, which isn't even there.
    let away = setup.sandbox.work().join("away");
    fs::rename(setup.sandbox.work().join("repo"), &away).unwrap();
    assert_eq!(setup.prepare()["commit"], first.as_str());
    fs::rename(&away, setup.sandbox.work().join("repo")).unwrap();
    let updated =
        super::environments::prepared(&setup.csw(&["models", "prepare", "--update", "-o", "json"]).output());
    assert_eq!(updated["commit"], second.as_str());
    assert_eq!(setup.version(&updated), "two");
    assert_eq!(setup.prepare()["commit"], second.as_str());
    // A commit that is there needs no question; a tag is as good as a branch; both are kept beside each other.
    setup.model(&url, &format!("repo_tag: {first}\n"));
    assert_eq!(setup.prepare()["commit"], first.as_str());
    setup.git(&["tag", "v1", &first]);
    setup.model(&url, "repo_tag: v1\n");
    assert_eq!(setup.prepare()["commit"], first.as_str());
    setup.model(&url, "");
    assert_eq!(setup.prepare()["commit"], second.as_str());
}

#[test]
fn a_folder_with_a_tag_is_a_git_repository() {
    let setup = Setup::new();
    let first = setup.commit();
    setup.write("cs-config/cs_config/functions.py", "broken(");
    setup.model("../repo", "repo_tag: main\n");
    let prepared = setup.prepare();
    assert_eq!(prepared["commit"], first.as_str());
    assert_eq!(setup.version(&prepared), "one");
    setup.write("cs-config/cs_config/functions.py", PLAIN.replace("one", "two"));
    let second = setup.commit();
    assert_eq!(setup.prepare()["commit"], second.as_str());
}

#[test]
fn what_a_repository_lacks_is_told() {
    let setup = Setup::new();
    setup.commit();
    let url = format!("file://{}", setup.repo().display());
    for (repo, more, code, parts) in [
        (url.as_str(), "repo_tag: v9\n", 1, ["has no branch, tag or commit `v9`", "git ls-remote"]),
        (
            "file:///nothing/here",
            "",
            4,
            ["cannot fetch file:///nothing/here", "does not appear to be a git repository"],
        ),
        ("../nothing", "", 1, ["cannot access", "nothing"]),
        ("..", "repo_tag: v1\n", 1, ["is no git repository", "Remove `repo_tag`"]),
    ] {
        setup.model(repo, more);
        let output = setup.try_prepare();
        assert_eq!(output.code, code, "{repo} {more}: {}", output.stderr);
        for part in parts {
            assert!(output.stderr.contains(part), "`{part}` is not in:\n{}", output.stderr);
        }
    }
    setup.model(&url, "");
    let empty = setup.sandbox.home();
    let output = setup.csw(&["models", "prepare"]).env("PATH", &empty).output();
    assert!(
        output.stderr.contains("`git` does not start") && output.stderr.contains("Install `git`"),
        "{}",
        output.stderr
    );
    setup.model("../repo", "");
    let output = setup.csw(&["models", "prepare"]).env("CSW_PYTHON", "python9").output();
    assert_eq!(output.code, 1);
    assert!(output.stderr.contains("Python `python9` can't be used: not found"), "{}", output.stderr);
    setup.write("environment.yml", "dependencies: ['python>=4']\n");
    let output = setup.try_prepare();
    assert!(
        output.stderr.contains("environment.yml asks for Python >=4, and this is 3."),
        "{}",
        output.stderr
    );
    setup.write("environment.yml", "dependencies: {\n");
    assert!(setup.try_prepare().stderr.contains("environment.yml is no environment file"));
}

#[test]
fn an_environment_is_made_once_and_edits_count_without_another() {
    let setup = with_wheel();
    let before = listing(&setup.repo());
    let first = setup.prepare();
    let python = first["python"].as_str().unwrap().to_owned();
    assert!(
        python.starts_with(setup.cache().canonicalize().unwrap().join("envs").to_str().unwrap()),
        "{python}"
    );
    assert_eq!(setup.version(&first), "wheel");
    let log = setup.cache().join("logs/Owner-Title.log");
    let written = fs::read(&log).unwrap();
    setup.write("cs-config/cs_config/functions.py", PLAIN.replace("one", "edited"));
    let second = setup.prepare();
    assert_eq!(second["python"], python.as_str());
    assert_eq!(fs::read(&log).unwrap(), written, "nothing was run");
    assert_eq!(setup.version(&second), "edited");
    assert_eq!(listing(&setup.repo()), before, "nothing is left in the author's folder");
    // One that was never finished is made anew; other requirements make another one.
    fs::remove_file(PathBuf::from(&python).parent().unwrap().parent().unwrap().join("csw-environment.json"))
        .unwrap();
    assert_eq!(setup.prepare()["python"], python.as_str());
    assert_ne!(fs::read(&log).unwrap(), written);
    setup.write("wheels/more-1.0-py3-none-any.whl", wheel("more", "WORD = 'more'\n"));
    setup.write(
        "requirements.txt",
        "./wheels/needed-1.0-py3-none-any.whl\nwheels/more-1.0-py3-none-any.whl\n",
    );
    assert_ne!(setup.prepare()["python"], python.as_str());
}

#[test]
fn a_lock_is_kept_and_models_of_one_lock_share_an_environment() {
    let setup = with_wheel();
    let first = setup.prepare();
    let lock = fs::read_to_string(first["lock"].as_str().unwrap()).unwrap();
    assert!(lock.contains("name = \"needed\"") && lock.contains("sha256"), "{lock}");
    // Other words for the same.
    setup.write("requirements.txt", "wheels/needed-1.0-py3-none-any.whl # what it needs\n");
    let second = setup.prepare();
    assert_eq!(second["python"], first["python"]);
    // The same name, other content.
    setup.write("wheels/needed-1.0-py3-none-any.whl", wheel("needed", "WORD = 'another'\n"));
    let third = setup.prepare();
    assert_ne!(third["python"], first["python"]);
    assert_eq!(setup.version(&third), "another");
}

#[test]
fn files_that_requirements_name_by_their_digests_are_those_or_none() {
    use sha2::Digest as _;
    let setup = with_wheel();
    let content = wheel("needed", "WORD = 'wheel'\n");
    let digest: String = sha2::Sha256::digest(&content).iter().map(|b| format!("{b:02x}")).collect();
    let other = "0".repeat(64);
    for with_uv in [true, false] {
        for (digest, code) in [(&digest, 0), (&other, 1)] {
            setup.write(
                "requirements.txt",
                format!("--no-index\n-f wheels\nneeded==1.0 --hash=sha256:{digest}\n"),
            );
            let csw = setup.csw(&["models", "prepare", "-o", "json"]);
            let output = if with_uv { csw } else { without_uv(csw) }.output();
            assert_eq!(output.code, code, "{with_uv} {digest}: {}", output.stderr);
        }
        drop(fs::remove_dir_all(setup.cache()));
    }
}

/// As on a machine where uv neither is nor can be had.
fn without_uv(csw: Csw) -> Csw {
    csw.env("PATH", std::env::var("PATH").unwrap()).env("PIP_NO_INDEX", "1")
}

#[test]
fn pip_stands_in_for_uv_where_there_is_none() {
    if on_path("uv") {
        return missing("a machine without uv", "it is on PATH");
    }
    let setup = with_wheel();
    let output = without_uv(setup.csw(&["models", "prepare", "-o", "json"])).output();
    let prepared = prepared(&output);
    assert!(output.stderr.contains("uv is not there, so pip installs packages"), "{}", output.stderr);
    assert_eq!(prepared["lock"], Value::Null);
    assert_eq!(setup.version(&prepared), "wheel");
    // Once made, it is not made again though there is a uv now.
    assert_eq!(setup.prepare()["python"], prepared["python"]);
}

#[test]
fn uv_comes_from_the_index_where_it_is_not_on_path() {
    if !require("pypi") {
        return;
    }
    if on_path("uv") {
        return missing("a machine without uv", "it is on PATH");
    }
    let setup = with_wheel();
    let csw = setup.csw(&["models", "prepare", "-o", "json"]).env("PATH", std::env::var("PATH").unwrap());
    let output = as_here(csw).output();
    let prepared = prepared(&output);
    assert!(output.stderr.contains("Installing uv"), "{}", output.stderr);
    assert!(
        fs::read_dir(setup.cache().join("tools"))
            .unwrap()
            .flatten()
            .any(|e| e.path().join("bin/uv").is_file())
    );
    assert!(prepared["lock"].is_string() && setup.version(&prepared) == "wheel");
}

/// How this machine reaches the index.
fn as_here(mut csw: Csw) -> Csw {
    for (name, value) in std::env::vars() {
        if name.starts_with("PIP_")
            || name.to_ascii_lowercase().ends_with("_proxy")
            || name.starts_with("SSL_")
        {
            csw = csw.env(&name, value);
        }
    }
    csw
}

/// Every path below a folder but for what Python itself caches.
fn listing(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        if entry.file_name() != "__pycache__" {
            found.push(entry.path());
            if entry.path().is_dir() {
                found.extend(listing(&entry.path()));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn two_at_once_make_one_environment_and_a_killed_one_is_made_again() {
    let setup = with_wheel();
    let start = || {
        let mut command = setup.csw(&["models", "prepare", "-o", "json"]).into_command();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let mut killed = start();
    let envs = setup.cache().join("envs");
    let begun = Instant::now();
    let half_made = || {
        let folders = fs::read_dir(&envs).into_iter().flatten().flatten();
        folders.filter(|e| e.path().join("pyvenv.cfg").is_file()).count() > 0
    };
    while !half_made() {
        assert!(begun.elapsed() < Duration::from_secs(60) && killed.try_wait().unwrap().is_none());
        std::thread::sleep(Duration::from_millis(2));
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    let installed = || {
        let log = fs::read_to_string(setup.cache().join("logs/Owner-Title.log")).unwrap();
        log.matches("# install the model's packages").count()
    };
    let before = installed();
    let (one, two) = (start(), start());
    let outputs = [one, two].map(|c| c.wait_with_output().unwrap());
    let pythons = outputs.map(|o| {
        assert!(o.status.success(), "{}", String::from_utf8_lossy(&o.stderr));
        serde_json::from_slice::<Value>(&o.stdout).unwrap()[0].take()
    });
    assert_eq!(pythons[0]["python"], pythons[1]["python"]);
    assert_eq!(setup.version(&pythons[0]), "wheel");
    // The killed one may have come to its end.
    assert!(installed() <= before + 1 && installed() > 0, "{before} {}", installed());
}

#[test]
fn a_failing_installation_shows_the_end_of_its_log() {
    let setup = with_wheel();
    fs::write(setup.repo().join("wheels/needed-1.0-py3-none-any.whl"), "no zip").unwrap();
    let output = setup.try_prepare();
    assert_eq!(output.code, 1);
    for part in [
        "cannot prepare Owner/Title",
        "cannot resolve the model's packages",
        "needed",
        "logs/Owner-Title.log",
    ] {
        assert!(output.stderr.contains(part), "`{part}` is not in:\n{}", output.stderr);
    }
    assert_eq!(output.stdout, "[]\n");
}

#[test]
fn an_environment_file_is_made_by_pip_where_there_is_no_conda() {
    if ["conda", "mamba", "micromamba"].into_iter().any(on_path) {
        return missing("a machine without conda", "it is on PATH");
    }
    let setup = with_wheel();
    fs::remove_file(setup.repo().join("requirements.txt")).unwrap();
    setup.write(
        "environment.yml",
        "dependencies:\n- python>=3.8\n- libblas\n- pip:\n  - ./wheels/needed-1.0-py3-none-any.whl\nvariables: {COLOR: red}\n",
    );
    let output = setup.try_prepare();
    let prepared = prepared(&output);
    assert_eq!(setup.version(&prepared), "wheel");
    assert_eq!(prepared["env"]["COLOR"], "red");
    assert!(output.stderr.contains("are installed from PyPI"), "{}", output.stderr);
    assert!(output.stderr.contains("only conda has, and left out: libblas"), "{}", output.stderr);
}

/// There is no conda to be had here: a script in its place shows that it is called as it should be.
#[test]
fn an_environment_file_is_given_to_micromamba_where_it_is_installed() {
    let setup = Setup::new();
    setup.write("environment.yml", "dependencies: [numpy]\n");
    let script = "#!/bin/sh\necho \"$@\" > \"$HOME/called\"\nexec python3 -m venv \"$4\"\n";
    let program = setup.sandbox.write("bin/micromamba", script);
    fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let prepared = prepared(&setup.csw(&["models", "prepare", "-o", "json"]).env("PATH", path).output());
    let python = prepared["python"].as_str().unwrap();
    let folder = python.strip_suffix("/bin/python").unwrap();
    let called = fs::read_to_string(setup.sandbox.home().join("called")).unwrap();
    assert_eq!(
        called.trim(),
        format!("create --yes --prefix {folder} --file {}/environment.yml", setup.repo().display())
    );
    assert_eq!(setup.version(&prepared), "one");
}

#[test]
fn packages_come_from_pypi() {
    if !require("pypi") {
        return;
    }
    let setup = Setup::new();
    // A project with a dependency of its own, cs-config with another, and a script for conda with a third.
    setup.write("setup.py", "import setuptools\nsetuptools.setup(name='engine', version='3.2', packages=['engine'], install_requires=['six'])\n");
    setup.write("engine/__init__.py", "import six\nNAME = six.text_type('engine')\n");
    setup.write("cs-config/setup.py", "import setuptools\nsetuptools.setup(name='cs-config', packages=setuptools.find_packages(), install_requires=['tabulate>=0.8'])\n");
    setup.write(
        "cs-config/install.sh",
        "conda install -c conda-forge conda-forge::toolz --yes\npip install -e .\n",
    );
    setup.write(
        "cs-config/cs_config/functions.py",
        "import engine, tabulate, toolz\nfrom importlib import metadata\n\ndef get_version():\n    return engine.NAME + metadata.version('engine')\n",
    );
    let before = listing(&setup.repo());
    let csw = as_here(setup.csw(&["models", "prepare", "-o", "json"]));
    let prepared = prepared(&csw.output());
    assert_eq!(setup.version(&prepared), "engine3.2");
    assert_eq!(listing(&setup.repo()), before, "nothing is left in the author's folder");
    setup.write("engine/__init__.py", "NAME = 'edited'\n");
    assert_eq!(setup.version(&setup.prepare()), "edited3.2");
}
