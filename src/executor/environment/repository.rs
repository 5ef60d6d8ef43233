//! What building an image needs to know of a repository: where it is on this machine, and what it asks for.

use std::path::{Path, PathBuf};

use super::PrepareProgress;
use super::needs::Needs;
use super::source::{self, Source};
use super::tool::Tools;
use crate::executor::ExecutorError;
use crate::model::Model;

/// A model's repository at one commit, on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// Its folder (absolute).
    pub folder: PathBuf,
    /// The commit; `local-…` for a folder with changes that no commit holds.
    pub commit: String,
    /// It is its author's own folder: nothing may be left in it.
    pub in_place: bool,
}

/// Brings the model's repository to this machine, at the commit that its branch or tag has now; with the user's own git
/// and credentials. A commit that is named by its 40 digits and is there already takes no network.
///
/// # Errors
/// When the repository can't be had, or has no such branch, tag or commit.
pub async fn fetch(
    cache: &Path,
    model: &Model,
    progress: &dyn PrepareProgress,
) -> Result<Repository, ExecutorError> {
    let log = cache.join("logs").join(format!("{}-{}.log", model.name.owner(), model.name.title()));
    let Source { workdir, commit, in_place } =
        source::resolve(cache, model, true, &Tools::new(log, progress)).await?;
    Ok(Repository { folder: workdir, commit, in_place })
}

/// What a repository asks to be installed, for a machine on which it will be in another folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Installation {
    /// Files of the repository that say so, relative.
    pub files: Vec<String>,
    /// Its `environment.yml`, relative.
    pub environment_file: Option<String>,
    /// The packages of that file, in pip's words.
    pub environment_packages: Vec<String>,
    /// What of that file only conda has.
    pub conda_only: Vec<String>,
    /// Other lines for pip, among them those that `cs-config/install.sh` installs.
    pub lines: Vec<String>,
    /// Folders that are Python projects to be installed: "" and `cs-config`.
    pub projects: Vec<String>,
    /// Folders of the repository are among the lines, so that all of it has to be there.
    pub whole: bool,
    /// Whether there is a `cs-config/install.sh`, and whether it calls conda.
    pub script: Option<Script>,
    /// For people: what of the script is not understood, and is left out where it is not run.
    pub notes: Vec<String>,
}

/// A `cs-config/install.sh`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Script {
    /// Whether it needs conda, mamba or micromamba.
    pub conda: bool,
}

impl Installation {
    /// Reads what the repository in `folder` asks for; paths become those of `there`, its folder to be.
    ///
    /// # Errors
    /// When a file can't be read or understood.
    pub fn read(folder: &Path, there: &str) -> Result<Self, ExecutorError> {
        let needs = Needs::read(folder)?;
        let here = folder.to_string_lossy().into_owned();
        let moved = |line: &String| line.replace(&here, there);
        let script = needs.files.iter().find(|(name, _)| name == "cs-config/install.sh").map(|(_, text)| {
            let text = String::from_utf8_lossy(text);
            let calls = |line: &str| {
                line.split(|c: char| !c.is_alphanumeric())
                    .any(|w| ["conda", "mamba", "micromamba"].contains(&w))
            };
            Script { conda: text.lines().any(|l| calls(l.split('#').next().unwrap_or_default())) }
        });
        let (file, conda) = needs.conda.map_or((None, None), |(path, file)| (Some(path), Some(file)));
        let (packages, pip, left_out) = conda.map(|c| (c.packages, c.pip, c.left_out)).unwrap_or_default();
        Ok(Self {
            files: needs.files.iter().map(|(name, _)| name.clone()).collect(),
            environment_file: file
                .and_then(|f| Some(f.strip_prefix(folder).ok()?.to_string_lossy().into_owned())),
            environment_packages: packages.into_iter().chain(pip).map(|l| moved(&l)).collect(),
            conda_only: left_out,
            lines: needs.lines.iter().map(moved).collect(),
            projects: needs.projects.iter().map(|p| (*p).to_owned()).collect(),
            whole: needs.pinned,
            script,
            notes: needs.notes,
        })
    }

    /// Whether there is nothing to install.
    pub fn nothing(&self) -> bool {
        self.environment_file.is_none()
            && self.lines.is_empty()
            && self.projects.is_empty()
            && self.script.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_those_of_the_image() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("cs-config")).unwrap();
        for (name, text) in [
            ("environment.yml", "dependencies: [numpy=1.2, libblas, {pip: [cs-kit]}]\n"),
            ("requirements.txt", "six\n-r more.txt\n"),
            ("more.txt", "tabulate\n"),
            ("cs-config/install.sh", "# with conda\npip install x\n"),
        ] {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let found = Installation::read(folder.path(), "/model").unwrap();
        assert_eq!(found.environment_file.as_deref(), Some("environment.yml"));
        assert_eq!(found.environment_packages, ["numpy==1.2.*", "cs-kit"]);
        assert_eq!(found.lines, ["six", "tabulate", "x"]);
        assert_eq!(found.script, Some(Script { conda: false }));
        assert!(!found.whole && !found.nothing());
        assert!(found.files.contains(&"more.txt".to_owned()));
    }
}
