//! Makes environments.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tokio::process::Command;

use super::conda;
use super::folders::{Lock, lock, remove, sync_tree};
use super::interpreter::Interpreter;
use super::needs::Needs;
use super::source::Source;
use super::tool::{Tools, clean, pip_install};
use super::uv::Uv;
use crate::executor::ExecutorError;

/// Written last: an environment without it was never finished.
const MARKER: &str = "csw-environment.json";

/// What an environment was made of, for people.
#[derive(Debug, Serialize, Deserialize)]
struct Marker {
    python: String,
    commit: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lock: Option<PathBuf>,
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

/// What an environment is made with.
#[derive(Debug, Clone, Copy)]
pub(super) enum Installer<'a> {
    /// conda, mamba or micromamba makes it of an `environment.yml`, and pip adds the rest.
    Conda(&'a Path),
    /// uv, of the lock at this path.
    Uv(&'a Uv, &'a Path),
    /// venv and pip.
    Pip,
}

/// Makes the environment, unless another process did so meanwhile. `projects` is the folder that the repository's own
/// projects are installed from.
pub(super) async fn make(
    folder: &Path,
    needs: &Needs,
    (source, projects): (&Source, &Path),
    base: &Interpreter,
    installer: Installer<'_>,
    tools: &Tools<'_>,
) -> Result<(), ExecutorError> {
    let lock = lock(folder, || tools.progress().detail("waiting for another csw that makes it")).await?;
    if is_ready(folder) {
        return Ok(());
    }
    // Scripts hold the path of their interpreter, so it is made where it stays; a half-made one goes first.
    remove(folder)?;
    match (installer, &needs.conda) {
        (Installer::Conda(program), Some((file, _))) => {
            by_conda(folder, file, program, source, &lock, tools).await?;
            by_pip(folder, needs.lines.clone(), &[], (needs, projects), &lock, tools).await?;
        }
        (Installer::Uv(uv, pylock), _) => {
            by_uv(folder, (needs, projects), base, (uv, pylock), &lock, tools).await?;
        }
        (Installer::Conda(_) | Installer::Pip, _) => {
            by_venv(folder, base, &lock, tools).await?;
            let packages = needs.conda_packages();
            by_pip(folder, needs.all_lines(), &packages, (needs, projects), &lock, tools).await?;
        }
    }
    let marker = Marker {
        python: base.full_version.clone(),
        commit: source.commit.clone(),
        lock: match installer {
            Installer::Uv(_, pylock) => Some(pylock.to_owned()),
            Installer::Conda(_) | Installer::Pip => None,
        },
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

/// Makes it of a lock. Lines that say which files they are have been locked by their author, and are obeyed first: what is
/// there at the version of the lock stays.
async fn by_uv(
    folder: &Path,
    (needs, projects): (&Needs, &Path),
    base: &Interpreter,
    (uv, pylock): (&Uv, &Path),
    lock: &Lock,
    tools: &Tools<'_>,
) -> Result<(), ExecutorError> {
    let python = python_of(folder);
    let parent = folder.parent().unwrap_or(folder);
    tools.progress().step(&format!("Making an environment with Python {}", base.full_version));
    let mut venv = uv.command(["venv", "--no-project"], parent);
    venv.arg("--python").arg(&base.path).arg(folder);
    tools.run("make a virtual environment", lock, venv).await?;
    tools.progress().step("Installing what it needs");
    // Models may not write into it later.
    let install = |more: &[&str]| {
        let mut install = uv.command(["pip", "install", "--compile-bytecode", "--no-sources"], folder);
        install.arg("--python").arg(&python).args(more);
        install
    };
    if needs.hashed() {
        let list = folder.join("csw-requirements.txt");
        write_lines(&list, &needs.all_lines())?;
        let mut hashed = install(&["--require-hashes", "--requirement"]);
        hashed.arg(&list);
        tools.run(INSTALL, lock, hashed).await?;
    }
    let mut locked = install(&["--requirement"]);
    locked.arg(pylock);
    tools.run(INSTALL, lock, locked).await?;
    if !needs.projects.is_empty() {
        let mut own = install(&["--no-deps"]);
        own.args(needs.projects.iter().map(|project| projects.join(project)));
        tools.run("install the repository's own project", lock, own).await?;
    }
    Ok(())
}

const INSTALL: &str = "install the model's packages";

fn write_lines(path: &Path, lines: &[String]) -> Result<(), ExecutorError> {
    fs::write(path, lines.join("\n") + "\n").map_err(|e| ExecutorError::io(path, e))
}

/// Installs with the environment's own pip, everything in one call: the parts have to fit each other. But where lines say
/// which files they are, pip wants the same of all that it installs at once, and a folder has no digest.
async fn by_pip(
    folder: &Path,
    mut lines: Vec<String>,
    from_conda: &[String],
    (needs, projects): (&Needs, &Path),
    lock: &Lock,
    tools: &Tools<'_>,
) -> Result<(), ExecutorError> {
    let own = needs.projects.iter().map(|p| projects.join(p).to_string_lossy().into_owned());
    if needs.hashed() {
        install(folder, lines, from_conda, projects, lock, tools).await?;
        return install(folder, own.collect(), &[], projects, lock, tools).await;
    }
    lines.extend(own);
    install(folder, lines, from_conda, projects, lock, tools).await
}

async fn install(
    folder: &Path,
    mut lines: Vec<String>,
    from_conda: &[String],
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
        write_lines(&list, &lines)?;
        let mut pip = pip_install(&python_of(folder));
        pip.arg("--requirement").arg(&list).current_dir(workdir);
        match tools.run(INSTALL, lock, clean(pip)).await {
            Err(ExecutorError::Step { last, .. })
                if unknown_to_pypi(&last, from_conda).is_some_and(|at| {
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

/// That the interpreter is what an `environment.yml` asks for, and what people should know of the rest of it.
///
/// # Errors
/// When it is another one.
pub(super) fn check_without_conda(
    needs: &Needs,
    base: &Interpreter,
    tools: &Tools<'_>,
) -> Result<(), ExecutorError> {
    let Some((file, asked)) = &needs.conda else { return Ok(()) };
    if let Some(spec) = asked.python.as_ref().filter(|spec| !conda::satisfies(base.version, spec)) {
        return Err(ExecutorError::PythonVersion {
            file: file.to_owned(),
            wanted: spec.clone(),
            found: base.full_version.clone(),
        });
    }
    tools.progress().note(&format!(
        "no conda, mamba or micromamba on PATH: the packages of {} are installed from PyPI",
        file.display()
    ));
    if !asked.left_out.is_empty() {
        let list = asked.left_out.join(", ");
        tools.progress().note(&format!("only conda has, and left out: {list}"));
    }
    Ok(())
}

/// Building leaves files beside the sources; an author's folder is not the place for them.
pub(super) fn copied(needs: &Needs, source: &Source) -> Result<Option<tempfile::TempDir>, ExecutorError> {
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
