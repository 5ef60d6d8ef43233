//! What is asked of the user's own git: it has their credentials, proxies and host keys.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use super::folders::{self, Lock, lock, publish, remove};
use super::tool::Tools;
use crate::executor::ExecutorError;

fn git() -> Command {
    Command::from(crate::git::command())
}

/// A git command that talks to other machines, without a prompt of ssh either. Whoever has told git which ssh to use
/// has decided that too.
async fn git_remote() -> Command {
    let mut command = git();
    let env = ["GIT_SSH_COMMAND", "GIT_SSH"].iter().any(|n| std::env::var_os(n).is_some());
    let mut config = git();
    config.args(["--git-dir=/dev/null", "config", "--get", "core.sshCommand"]);
    if !env && said(config).await.is_none() {
        command.env("GIT_SSH_COMMAND", "ssh -oBatchMode=yes");
    }
    command
}

/// What a command prints on stdout, or `None` if it fails or is not there.
async fn said(mut command: Command) -> Option<String> {
    let output = command.stderr(Stdio::null()).output().await.ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}

/// A git that gives objects and runs nothing for it: `env` runs what follows.
const GIVER: &str = "--upload-pack=git -c uploadpack.packObjectsHook=env upload-pack";

/// Where a mirror keeps what is no branch and no tag: pull requests, and commits that were asked for by their digits.
const NAMED: &str = "refs/csw/named";

/// Folders outside of a checkout that hold its objects: the mirror that it was made of.
pub(super) fn shared_objects(workdir: &Path) -> Vec<PathBuf> {
    let Some(git) = workdir.ancestors().map(|folder| folder.join(".git")).find(|git| git.is_dir()) else {
        return Vec::new();
    };
    let list = std::fs::read_to_string(git.join("objects/info/alternates")).unwrap_or_default();
    list.lines().map(PathBuf::from).filter(|path| path.is_absolute()).collect()
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
            None | Some("HEAD") => vec!["refs/csw/HEAD".to_owned()],
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
            let found = self.commit(&name).await;
            if found.is_some() {
                return found;
            }
        }
        None
    }

    async fn commit(&self, name: &str) -> Option<String> {
        let mut ask = self.git();
        ask.args(["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{name}^{{commit}}")]);
        said(ask).await
    }

    /// How git is to ask a repository on this machine: it would run what a user has configured for those that they serve.
    fn giver(&self) -> Option<&'static str> {
        (self.url.starts_with('/') || self.url.starts_with("file:")).then_some(GIVER)
    }

    fn git(&self) -> Command {
        self.on_it(git())
    }

    /// By name: git is told to take no folder for a repository by its looks.
    fn on_it(&self, mut command: Command) -> Command {
        command.arg("--git-dir").arg(&self.folder);
        command
    }

    /// Brings the mirror up to date with its repository, and tells which commit the branch, tag, commit or other ref
    /// `tag` is there; `None` where there is nothing of that name.
    pub(super) async fn fetch(
        &self,
        tag: Option<&str>,
        tools: &Tools<'_>,
    ) -> Result<Option<String>, ExecutorError> {
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
                self.fetch_once(tools, &lock, &what).await?;
            }
            other => other?,
        }
        match (self.resolve(tag).await, tag) {
            (None, Some(tag)) => self.fetch_named(tag, tools, &lock).await,
            (found, _) => Ok(found),
        }
    }

    /// Fetches what is neither branch nor tag: another ref, as `refs/pull/7/head`, or a commit by its digits, which
    /// servers give where a ref leads to it, and some give always.
    async fn fetch_named(
        &self,
        tag: &str,
        tools: &Tools<'_>,
        lock: &Lock,
    ) -> Result<Option<String>, ExecutorError> {
        let mut list = git_remote().await;
        list.args(["ls-remote", "--quiet", "--end-of-options", &self.url]);
        let list = said(list).await.unwrap_or_default();
        let refs = list.lines().filter_map(|line| line.split_once('\t'));
        let digits = tag.len() >= 7 && tag.bytes().all(|b| b.is_ascii_hexdigit());
        let lower = tag.to_ascii_lowercase();
        let named = |(_, name): &(&str, &str)| *name == tag || name.strip_prefix("refs/") == Some(tag);
        let counted = |(object, _): &(&str, &str)| digits && object.starts_with(&lower);
        // What a tag's name stands for has a line of its own, which can't be asked for.
        let whole = |(_, name): &(&str, &str)| !name.ends_with("^{}");
        let found = refs.clone().find(named).or_else(|| refs.clone().filter(whole).find(counted));
        let (source, kept) = match found {
            Some((_, name)) => (name.to_owned(), name.trim_start_matches("refs/").to_owned()),
            None if super::source::is_commit(tag) => (lower.clone(), format!("commits/{lower}")),
            None => return Ok(None),
        };
        let kept = format!("{NAMED}/{kept}");
        let mut fetch = self.on_it(git_remote().await);
        fetch.arg("fetch").args(self.giver());
        fetch.args(["--force", "--no-tags", "--update-shallow", "--no-auto-gc", "--progress"]);
        fetch.args(["--end-of-options", &self.url, &format!("+{source}:{kept}")]);
        match tools.run(&format!("fetch {source} of {}", self.url), lock, fetch).await {
            // The server has no such commit, or does not give it: that was the last place to look.
            Err(ExecutorError::Step { .. }) if found.is_none() => Ok(None),
            Err(e) => Err(e),
            Ok(()) => Ok(self.commit(&kept).await),
        }
    }

    async fn init(&self, tools: &Tools<'_>, lock: &Lock, what: &str) -> Result<(), ExecutorError> {
        if self.folder.join("HEAD").is_file() {
            return Ok(());
        }
        remove(&self.folder)?;
        let mut init = git();
        init.args(["init", "--bare", "--quiet", "--template="]).arg(&self.folder);
        tools.run(what, lock, init).await
    }

    async fn fetch_once(&self, tools: &Tools<'_>, lock: &Lock, what: &str) -> Result<(), ExecutorError> {
        let mut fetch = self.on_it(git_remote().await);
        fetch.arg("fetch").args(self.giver());
        fetch.args(["--prune", "--force", "--update-shallow", "--no-auto-gc", "--progress"]);
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
        clone.args([
            "clone",
            GIVER,
            "--quiet",
            "--shared",
            "--no-checkout",
            "--template=",
            "--origin",
            "origin",
        ]);
        clone.arg(&self.folder).arg(&temporary);
        tools.run(&what, &lock, clone).await?;
        // Submodules and Git LFS look beside the repository that this is one of, not beside the mirror.
        let mut remote = git();
        remote.arg("-C").arg(&temporary).args(["remote", "set-url", "origin", &self.url]);
        tools.run(&what, &lock, remote).await?;
        let mut checkout = git_remote().await;
        checkout.arg("-C").arg(&temporary);
        checkout.args(["-c", "core.sparseCheckout=false", "checkout", "--quiet", "--detach", commit]);
        tools.run(&what, &lock, checkout).await?;
        if temporary.join(".gitmodules").is_file() {
            let mut modules = git_remote().await;
            modules.arg("-C").arg(&temporary).args([
                "submodule",
                "update",
                "--init",
                "--recursive",
                "--checkout",
                "--quiet",
            ]);
            tools.run(&what, &lock, modules).await?;
        }
        publish(&temporary, folder)
    }
}
