//! What is asked of the user's own git: it has their credentials, proxies and host keys.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use super::folders::{self, Lock, lock, publish, remove};
use super::tool::Tools;
use crate::executor::ExecutorError;

pub(super) fn git() -> Command {
    Command::from(crate::git::command())
}

/// A git command that talks to other machines, without a prompt of ssh either. Whoever has told git which ssh to use
/// has decided that too.
async fn git_remote() -> Command {
    let mut command = git();
    let env = ["GIT_SSH_COMMAND", "GIT_SSH"].iter().any(|n| std::env::var_os(n).is_some());
    if !env && ask(Path::new("/"), &["config", "--get", "core.sshCommand"]).await.is_none() {
        command.env("GIT_SSH_COMMAND", "ssh -oBatchMode=yes");
    }
    command
}

/// What git prints on stdout, or `None` if it fails or is not there.
pub(super) async fn ask(folder: &Path, args: &[&str]) -> Option<String> {
    let output = git().arg("-C").arg(folder).args(args).stderr(Stdio::null()).output().await.ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}

/// A bare mirror of a repository in the cache.
pub(super) struct Mirror {
    folder: PathBuf,
    url: String,
}

impl Mirror {
    /// The mirror of `url`; nothing is fetched yet.
    pub(super) fn of(cache: &Path, url: &str) -> Self {
        let name: String = url
            .trim_end_matches('/')
            .trim_end_matches(".git")
            .rsplit('/')
            .next()
            .unwrap_or_default()
            .chars()
            .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
            .take(40)
            .collect();
        let digest = folders::digest([url.as_bytes()]);
        Self { folder: cache.join("repos").join(format!("{name}-{digest}.git")), url: url.to_owned() }
    }

    /// The commit that a branch, tag or commit means, as far as the mirror knows it; `None` means HEAD.
    pub(super) async fn resolve(&self, tag: Option<&str>) -> Option<String> {
        if !self.folder.join("HEAD").is_file() {
            return None;
        }
        let candidates = match tag {
            None => vec!["refs/csw/HEAD".to_owned()],
            // A branch wins over a tag of the same name, as it does in a checkout.
            Some(tag) => vec![
                format!("refs/heads/{tag}"),
                format!("refs/tags/{tag}"),
                // `origin/main` is what people write who think of their clone.
                format!("refs/heads/{}", tag.strip_prefix("origin/").unwrap_or(tag)),
                tag.to_owned(),
            ],
        };
        for name in candidates {
            let commit = format!("{name}^{{commit}}");
            let found =
                ask(&self.folder, &["rev-parse", "--verify", "--quiet", "--end-of-options", &commit]).await;
            if found.is_some() {
                return found;
            }
        }
        None
    }

    /// Brings the mirror up to date with its repository.
    pub(super) async fn fetch(&self, tools: &Tools<'_>) -> Result<(), ExecutorError> {
        let what = format!("fetch {}", self.url);
        tools.progress().step(&format!("Fetching {}", self.url));
        let lock =
            lock(&self.folder, || tools.progress().detail("waiting for another csw that fetches it")).await?;
        self.init(tools, &lock, &what).await?;
        match self.fetch_once(tools, &lock, &what).await {
            // A fetch that was killed leaves lock files, and nobody else can hold them while we hold ours.
            Err(ExecutorError::Step { last, .. }) if last.contains(".lock") => {
                remove(&self.folder)?;
                self.init(tools, &lock, &what).await?;
                self.fetch_once(tools, &lock, &what).await
            }
            other => other,
        }
    }

    async fn init(&self, tools: &Tools<'_>, lock: &Lock, what: &str) -> Result<(), ExecutorError> {
        if self.folder.join("HEAD").is_file() {
            return Ok(());
        }
        remove(&self.folder)?;
        let mut init = git();
        init.args(["init", "--bare", "--quiet"]).arg(&self.folder);
        tools.run(what, lock, init).await
    }

    async fn fetch_once(&self, tools: &Tools<'_>, lock: &Lock, what: &str) -> Result<(), ExecutorError> {
        let mut fetch = git_remote().await;
        fetch.arg("-C").arg(&self.folder).args(["fetch", "--prune", "--force", "--no-auto-gc", "--progress"]);
        fetch.args(["--end-of-options", &self.url]);
        fetch.args(["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*", "+HEAD:refs/csw/HEAD"]);
        tools.run(what, lock, fetch).await
    }

    /// The repository at `commit`, with its submodules, in `folder`.
    pub(super) async fn check_out(
        &self,
        commit: &str,
        folder: &Path,
        tools: &Tools<'_>,
    ) -> Result<(), ExecutorError> {
        let waiting = || tools.progress().detail("waiting for another csw that checks it out");
        let lock = lock(folder, waiting).await?;
        if folder.is_dir() {
            return Ok(());
        }
        let short: String = commit.chars().take(12).collect();
        tools.progress().step(&format!("Checking out {short}"));
        let what = format!("check out {short} of {}", self.url);
        let mut name = folder.as_os_str().to_owned();
        name.push(".tmp");
        let temporary = PathBuf::from(name);
        remove(&temporary)?;
        let mut clone = git();
        clone.args(["clone", "--quiet", "--shared", "--no-checkout"]).arg(&self.folder).arg(&temporary);
        tools.run(&what, &lock, clone).await?;
        let mut checkout = git();
        checkout.arg("-C").arg(&temporary);
        checkout.args(["-c", "advice.detachedHead=false", "checkout", "--quiet", "--detach", commit]);
        tools.run(&what, &lock, checkout).await?;
        if temporary.join(".gitmodules").is_file() {
            let mut remote = git();
            remote.arg("-C").arg(&temporary).args(["remote", "set-url", "origin", &self.url]);
            tools.run(&what, &lock, remote).await?;
            let mut modules = git_remote().await;
            modules.arg("-C").arg(&temporary).args([
                "submodule",
                "update",
                "--init",
                "--recursive",
                "--quiet",
            ]);
            tools.run(&what, &lock, modules).await?;
        }
        publish(&temporary, folder)
    }
}
