//! What `repo_tag` may name, and that a user's own configuration of git changes nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::{Output, Sandbox};

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

/// A repository `repo` below the working folder with one commit, and the model Me/M.
fn repository() -> (Sandbox, PathBuf, String) {
    let sandbox = Sandbox::new();
    sandbox.write("repo/cs-config/cs_config/functions.py", "def get_version():\n    return 'one'\n");
    sandbox.write("repo/.gitignore", "__pycache__\n");
    let repo = sandbox.work().join("repo");
    git(&repo, &["init", "--quiet", "--initial-branch=main"]);
    let first = commit(&repo);
    (sandbox, repo, first)
}

fn commit(repo: &Path) -> String {
    git(repo, &["add", "-A"]);
    git(repo, &["commit", "--quiet", "--allow-empty", "-m", "change"]);
    git(repo, &["rev-parse", "HEAD"])
}

fn prepare(sandbox: &Sandbox, repo: &str, tag: Option<&str>) -> Output {
    let tag = tag.map(|tag| format!("repo_tag: \"{tag}\"\n")).unwrap_or_default();
    sandbox.write(
        "config/Me/M.yaml",
        format!("owner: Me\ntitle: M\ntimestamp: \"2026-01-01 00:00\"\nrepo_url: {repo}\n{tag}"),
    );
    sandbox.csw(["models", "prepare", "--update", "-o", "json"]).env("GIT_CONFIG_NOSYSTEM", "1").output()
}

fn commit_of(output: &Output) -> String {
    assert_eq!(output.code, 0, "{}", output.stderr);
    let list: Value = serde_json::from_str(&output.stdout).unwrap();
    list[0]["commit"].as_str().unwrap().to_owned()
}

#[test]
fn everything_that_the_remote_gives_can_be_named() {
    let (sandbox, repo, first) = repository();
    git(&repo, &["checkout", "--quiet", "--detach"]);
    let request = commit(&repo);
    git(&repo, &["update-ref", "refs/pull/7/head", "HEAD"]);
    let lost = commit(&repo);
    git(&repo, &["checkout", "--quiet", "main"]);
    git(&repo, &["tag", "-m", "annotated", "v1", &request]);
    git(&repo, &["tag", "-d", "v1"]);
    git(&repo, &["update-ref", "refs/notes/deep", &request]);
    let url = format!("file://{}", repo.display());
    for fresh in [true, false] {
        for (tag, expected) in [
            (request.as_str(), &request),
            ("refs/pull/7/head", &request),
            ("pull/7/head", &request),
            (&request[..10], &request),
            ("refs/notes/deep", &request),
            ("main", &first),
            ("origin/main", &first),
            ("refs/heads/main", &first),
            ("HEAD", &first),
            (&first[..8], &first),
        ] {
            if fresh {
                let _ = fs::remove_dir_all(sandbox.home().join(".cache"));
            }
            for repo in [url.as_str(), "./repo"] {
                assert_eq!(commit_of(&prepare(&sandbox, repo, Some(tag))), *expected, "{repo} {tag}");
            }
        }
    }
    // A pull request goes on, and is rewritten.
    git(&repo, &["update-ref", "refs/pull/7/head", &first]);
    assert_eq!(commit_of(&prepare(&sandbox, &url, Some("pull/7/head"))), first);
    let gone = "1".repeat(40);
    let output = prepare(&sandbox, &url, Some(&gone));
    assert_eq!(output.code, 1, "{}", output.stdout);
    assert!(
        output.stderr.contains("all its 40 digits") && output.stderr.contains("ls-remote"),
        "{}",
        output.stderr
    );
    // No ref leads to it any more: the server decides.
    git(&repo, &["config", "uploadpack.allowAnySHA1InWant", "true"]);
    assert_eq!(commit_of(&prepare(&sandbox, &url, Some(&lost))), lost);
    assert_eq!(commit_of(&prepare(&sandbox, &url, Some(&lost[..12]))), lost);
    for tag in ["pull/8/head", "deadbeef", "refs/csw/HEAD~1", "^{}"] {
        let output = prepare(&sandbox, &url, Some(tag));
        assert_eq!(output.code, 1, "{tag}: {}", output.stdout);
    }
}

#[test]
fn a_changed_folder_is_no_commit_whatever_the_user_has_configured() {
    for settings in [
        "",
        "[status]\nshowUntrackedFiles = no\n",
        "[core]\nexcludesFile = ~/excludes\n",
        "[core]\nignoreStat = true\ntrustctime = false\n",
        "[core]\nautocrlf = true\n",
        "[core]\nattributesFile = ~/attributes\n",
        "[status]\nshowStash = true\nbranch = true\nrelativePaths = false\nsubmoduleSummary = true\n",
        "[diff]\nignoreSubmodules = all\n[color]\nui = always\n",
        "[core]\nuntrackedCache = true\nquotePath = true\n",
    ] {
        let (sandbox, repo, first) = repository();
        fs::write(sandbox.home().join(".gitconfig"), settings).unwrap();
        fs::write(sandbox.home().join("excludes"), "*.py\n*.txt\n").unwrap();
        fs::write(sandbox.home().join("attributes"), "* text eol=crlf\n").unwrap();
        assert_eq!(commit_of(&prepare(&sandbox, "./repo", None)), first, "{settings}");
        fs::write(repo.join("ünd new.txt"), "").unwrap();
        assert!(commit_of(&prepare(&sandbox, "./repo", None)).starts_with("local-"), "new: {settings}");
        fs::remove_file(repo.join("ünd new.txt")).unwrap();
        fs::write(repo.join("cs-config/cs_config/functions.py"), "x = 1\n").unwrap();
        assert!(commit_of(&prepare(&sandbox, "./repo", None)).starts_with("local-"), "changed: {settings}");
        git(&repo, &["update-index", "--assume-unchanged", "cs-config/cs_config/functions.py"]);
        assert!(commit_of(&prepare(&sandbox, "./repo", None)).starts_with("local-"), "assumed: {settings}");
        git(&repo, &["update-index", "--no-assume-unchanged", "cs-config/cs_config/functions.py"]);
        git(&repo, &["update-index", "--skip-worktree", "cs-config/cs_config/functions.py"]);
        assert!(commit_of(&prepare(&sandbox, "./repo", None)).starts_with("local-"), "skipped: {settings}");
    }
}

#[test]
fn a_checkout_is_the_commit_s_bytes_whatever_the_user_has_configured() {
    for settings in [
        "[core]\nautocrlf = true\n",
        "[core]\neol = crlf\nattributesFile = ~/attributes\n",
        "[clone]\ndefaultRemoteName = upstream\nrejectShallow = true\n",
        "[core]\nsparseCheckout = true\n",
        "[submodule]\nrecurse = true\nactive = none\n[fetch]\nrecurseSubmodules = true\n",
        "[init]\ndefaultBranch = trunk\ndefaultObjectFormat = sha256\n",
        "[fetch]\nprune = true\npruneTags = true\nall = true\n",
    ] {
        let (sandbox, repo, _) = repository();
        let module = sandbox.work().join("module");
        fs::create_dir(&module).unwrap();
        git(&module, &["init", "--quiet", "--initial-branch=main"]);
        fs::write(module.join("deep"), "deep\n").unwrap();
        commit(&module);
        git(&repo, &["submodule", "--quiet", "add", &format!("file://{}", module.display()), "sub"]);
        let second = commit(&repo);
        let allow = "[protocol \"file\"]\nallow = always\n";
        fs::write(sandbox.home().join(".gitconfig"), format!("{allow}{settings}")).unwrap();
        fs::write(sandbox.home().join("attributes"), "* text eol=crlf\n").unwrap();
        let output = prepare(&sandbox, &format!("file://{}", repo.display()), None);
        assert_eq!(commit_of(&output), second, "{settings}");
        let workdir = sandbox.home().join(".cache/csw/checkouts/Me-M").join(&second);
        for (file, text) in [("sub/deep", "deep\n"), (".gitignore", "__pycache__\n")] {
            assert_eq!(fs::read_to_string(workdir.join(file)).unwrap(), text, "{file}: {settings}");
        }
    }
}

#[test]
fn a_folder_that_git_refuses_is_used_with_a_word_on_it() {
    if !rustix::process::geteuid().is_root() {
        return crate::support::missing("root", "files of another user can't be made");
    }
    let (sandbox, repo, first) = repository();
    assert!(Command::new("chown").args(["-R", "12345"]).arg(&repo).status().unwrap().success());
    let output = prepare(&sandbox, "./repo", None);
    assert!(commit_of(&output).starts_with("local-"), "{}", output.stdout);
    let said = ["belongs to another user", "git config --global --add safe.directory"];
    assert!(said.iter().all(|words| output.stderr.contains(words)), "{}", output.stderr);
    let output = prepare(&sandbox, "./repo", Some("main"));
    assert_eq!(output.code, 1, "{}", output.stdout);
    assert!(said.iter().all(|words| output.stderr.contains(words)), "{}", output.stderr);
    let trust = format!("[safe]\ndirectory = {}\n", repo.canonicalize().unwrap().display());
    fs::write(sandbox.home().join(".gitconfig"), trust).unwrap();
    assert_eq!(commit_of(&prepare(&sandbox, "./repo", None)), first);
}

#[test]
fn a_shallow_clone_on_this_machine_can_be_named_by_its_branch() {
    let (sandbox, repo, _) = repository();
    let second = commit(&repo);
    let url = format!("file://{}", repo.display());
    git(&sandbox.work(), &["clone", "--quiet", "--depth", "1", &url, "shallow"]);
    assert_eq!(commit_of(&prepare(&sandbox, "./shallow", Some("main"))), second);
    assert_eq!(commit_of(&prepare(&sandbox, "./shallow", None)), second);
}
