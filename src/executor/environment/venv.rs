//! Makes environments.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tokio::process::Command;

use super::conda::{self, CondaFile};
use super::folders::{Lock, lock, remove, sync_tree};
use super::interpreter::Interpreter;
use super::needs::Needs;
use super::source::Source;
use super::tool::Tools;
use crate::executor::ExecutorError;

/// Written last: an environment without it was never finished.
const MARKER: &str = "csw-environment.json";

/// What an environment was made of, for people.
#[derive(Debug, Serialize, Deserialize)]
struct Marker {
    python: String,
    commit: String,
    made_from: Vec<String>,
}

/// Whether the environment is finished, and its interpreter still there: a system that was upgraded takes it away.
pub(super) fn is_ready(folder: &Path) -> bool {
    folder.join(MARKER).is_file() && python_of(folder).exists()
}

/// The interpreter of an environment.
pub(super) fn python_of(folder: &Path) -> PathBuf {
    folder.join("bin").join("python")
}

/// Makes the environment, unless another process did so meanwhile.
pub(super) async fn make(
    folder: &Path,
    needs: &Needs,
    source: &Source,
    base: &Interpreter,
    conda: Option<&Path>,
    tools: &Tools<'_>,
) -> Result<(), ExecutorError> {
    let lock = lock(folder, || tools.progress().detail("waiting for another csw that makes it")).await?;
    if is_ready(folder) {
        return Ok(());
    }
    // Scripts hold the path of their interpreter, so it is made where it stays; a half-made one goes first.
    remove(folder)?;
    for note in &needs.notes {
        tools.progress().note(note);
    }
    let copy = copied(needs, source)?;
    let projects = copy.as_ref().map_or(source.workdir.as_path(), |c| c.path());
    let mut lines = Vec::new();
    match (&needs.conda, conda) {
        (Some((file, _)), Some(program)) => by_conda(folder, file, program, source, &lock, tools).await?,
        (Some((file, asked)), None) => {
            check_python(file, asked, base)?;
            told_about_conda(file, asked, tools);
            by_venv(folder, base, &lock, tools).await?;
            lines.extend(asked.packages.iter().cloned());
            lines.extend(asked.pip.iter().cloned());
        }
        (None, _) => by_venv(folder, base, &lock, tools).await?,
    }
    let from_conda =
        lines.iter().take(needs.conda.as_ref().map_or(0, |(_, c)| c.packages.len())).cloned().collect();
    lines.extend(needs.lines.iter().cloned());
    lines.extend(needs.projects.iter().map(|p| projects.join(p).to_string_lossy().into_owned()));
    install(folder, lines, from_conda, projects, &lock, tools).await?;
    let marker = Marker {
        python: base.full_version.clone(),
        commit: source.commit.clone(),
        made_from: needs.files.iter().map(|(name, _)| name.clone()).collect(),
    };
    let path = folder.join(MARKER);
    let text = serde_json::to_vec_pretty(&marker).map_err(|e| ExecutorError::io(&path, e.into()))?;
    sync_tree(folder)?;
    fs::write(&path, text).map_err(|e| ExecutorError::io(&path, e))?;
    sync_tree(folder)
}

async fn by_venv(
    folder: &Path,
    base: &Interpreter,
    lock: &Lock,
    tools: &Tools<'_>,
) -> Result<(), ExecutorError> {
    tools.progress().step(&format!("Making an environment with Python {}", base.full_version));
    let mut venv = Command::new(&base.path);
    venv.args(["-I", "-m", "venv"]).arg(folder);
    tools.run("make a virtual environment", lock, clean(venv)).await
}

async fn by_conda(
    folder: &Path,
    file: &Path,
    program: &Path,
    source: &Source,
    lock: &Lock,
    tools: &Tools<'_>,
) -> Result<(), ExecutorError> {
    let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
    tools.progress().step(&format!("Making the environment of {} with {name}", file.display()));
    let mut create = Command::new(program);
    // The old name of the sub-command is the one that all three know.
    match name.as_str() {
        "micromamba" => create.args(["create", "--yes", "--prefix"]).arg(folder),
        _ => create.args(["env", "create", "--quiet", "--prefix"]).arg(folder),
    };
    create.arg("--file").arg(file).current_dir(&source.workdir);
    tools.run(&format!("make the environment of {}", file.display()), lock, clean(create)).await
}

/// Installs with the environment's own pip, everything in one call: the parts have to fit each other.
async fn install(
    folder: &Path,
    mut lines: Vec<String>,
    from_conda: Vec<String>,
    workdir: &Path,
    lock: &Lock,
    tools: &Tools<'_>,
) -> Result<(), ExecutorError> {
    let list = folder.join("csw-requirements.txt");
    while !lines.is_empty() {
        tools.progress().step(&match lines.len() {
            1 => "Installing 1 requirement".to_owned(),
            n => format!("Installing {n} requirements"),
        });
        fs::write(&list, lines.join("\n") + "\n").map_err(|e| ExecutorError::io(&list, e))?;
        let mut pip = Command::new(python_of(folder));
        pip.args([
            "-m",
            "pip",
            "install",
            "--no-input",
            "--disable-pip-version-check",
            "--progress-bar",
            "off",
        ]);
        pip.arg("--requirement").arg(&list).current_dir(workdir);
        match tools.run("install the model's packages", lock, clean(pip)).await {
            Err(ExecutorError::Step { last, .. })
                if unknown_to_pypi(&last, &from_conda).is_some_and(|at| {
                    let package = from_conda.get(at).cloned().unwrap_or_default();
                    tools.progress().note(&format!("`{package}` is not on PyPI: left out"));
                    let before = lines.len();
                    lines.retain(|l| *l != package);
                    lines.len() < before
                }) => {}
            other => return other,
        }
    }
    Ok(())
}

/// Which of the packages that were meant for conda pip has never heard of. An index that can't be reached looks the
/// same at first, but says so as well.
fn unknown_to_pypi(last: &str, from_conda: &[String]) -> Option<usize> {
    if last.contains("connection broken") || last.contains("Retrying") {
        return None;
    }
    let line = last.lines().find(|l| l.contains("(from versions: none)"))?;
    let asked = line.split("requirement ").nth(1)?.split(" (from").next()?.trim();
    from_conda.iter().position(|p| p == asked || p.replace(' ', "") == asked)
}

fn check_python(file: &Path, asked: &CondaFile, base: &Interpreter) -> Result<(), ExecutorError> {
    match &asked.python {
        Some(spec) if !conda::satisfies(base.version, spec) => Err(ExecutorError::PythonVersion {
            file: file.to_owned(),
            wanted: spec.clone(),
            found: base.full_version.clone(),
        }),
        _ => Ok(()),
    }
}

fn told_about_conda(file: &Path, asked: &CondaFile, tools: &Tools<'_>) {
    tools.progress().note(&format!(
        "no conda, mamba or micromamba on PATH: the packages of {} are installed from PyPI",
        file.display()
    ));
    if !asked.left_out.is_empty() {
        let list = asked.left_out.join(", ");
        tools.progress().note(&format!("only conda has, and left out: {list}"));
    }
}

/// Building leaves files beside the sources; an author's folder is not the place for them.
fn copied(needs: &Needs, source: &Source) -> Result<Option<tempfile::TempDir>, ExecutorError> {
    if !source.in_place || needs.projects.is_empty() {
        return Ok(None);
    }
    let copy = tempfile::Builder::new()
        .prefix("csw-build-")
        .tempdir()
        .map_err(|e| ExecutorError::io(&std::env::temp_dir(), e))?;
    // A version that is made from git's tags needs the repository itself.
    let says_scm = |(_, text): &(String, Vec<u8>)| {
        let text = String::from_utf8_lossy(text);
        ["scm", "versioneer", "vcs", "versioningit", "dunamai"].iter().any(|w| text.contains(w))
    };
    copy_tree(&source.workdir, copy.path(), needs.files.iter().any(says_scm))?;
    Ok(Some(copy))
}

fn copy_tree(from: &Path, to: &Path, with_git: bool) -> Result<(), ExecutorError> {
    for entry in fs::read_dir(from).map_err(|e| ExecutorError::io(from, e))? {
        let entry = entry.map_err(|e| ExecutorError::io(from, e))?;
        let name = entry.file_name();
        let skipped =
            matches!(name.to_str(), Some("__pycache__" | ".venv" | "venv" | "node_modules" | "build"));
        if skipped || (name == ".git" && !with_git) {
            continue;
        }
        let (source, target) = (entry.path(), to.join(&name));
        let failed = |e| ExecutorError::io(&source, e);
        let kind = entry.file_type().map_err(failed)?;
        if kind.is_symlink() {
            let link = fs::read_link(&source).map_err(failed)?;
            std::os::unix::fs::symlink(link, &target).map_err(failed)?;
        } else if kind.is_dir() {
            fs::create_dir(&target).map_err(failed)?;
            copy_tree(&source, &target, with_git)?;
        } else if kind.is_file() {
            fs::copy(&source, &target).map_err(failed)?;
        }
    }
    Ok(())
}

/// What would lead the tools out of the environment that they work on, or is none of their business. The rest of the
/// user's `PIP_*` (indexes, proxies, certificates) stays.
fn clean(mut command: Command) -> Command {
    for name in
        ["PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_USER"]
    {
        command.env_remove(name);
    }
    command.env("PYTHONNOUSERSITE", "1").env("PIP_NO_COLOR", "1");
    command.envs(crate::http::Proxies::of_process().for_children());
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_that_pypi_does_not_know_is_told_from_an_index_that_is_away() {
        let asked = ["numpy>=1".to_owned(), "only-conda>=2".to_owned()];
        let unknown = "Collecting x\nERROR: Could not find a version that satisfies the requirement only-conda>=2 (from versions: none)\nERROR: No matching";
        assert_eq!(unknown_to_pypi(unknown, &asked), Some(1));
        let away = format!("WARNING: Retrying (Retry(total=0)) after connection broken by X\n{unknown}");
        assert_eq!(unknown_to_pypi(&away, &asked), None);
        let versions = unknown.replace("none", "1.0");
        assert_eq!(unknown_to_pypi(&versions, &asked), None);
    }
}
