//! What a model's environment is to hold: every package at one version, with the digests of its files.

use std::fs;
use std::path::{Path, PathBuf};

use super::folders::{lock, publish_file};
use super::interpreter::Interpreter;
use super::needs::Needs;
use super::tool::Tools;
use super::uv::Uv;
use crate::executor::ExecutorError;

/// Where the lock is of what is asked for, there or not.
pub(super) fn path(cache: &Path, asked: &str) -> PathBuf {
    // The name that the format's standard prescribes.
    cache.join("locks").join(format!("pylock.{asked}.toml"))
}

/// What a lock says, which identifies what is made of it; `None` where there is none.
///
/// # Errors
/// When it can't be read.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, ExecutorError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(ExecutorError::io(path, e)),
    }
}

/// Resolves what is asked for, unless another process did so meanwhile. `projects` is the folder that the repository's
/// own projects are read in.
///
/// # Errors
/// When it can't be resolved, with the resolver's explanation.
pub(super) async fn make(
    path: &Path,
    needs: &Needs,
    projects: &Path,
    base: &Interpreter,
    uv: &Uv,
    tools: &Tools<'_>,
) -> Result<(), ExecutorError> {
    let lock = lock(path, || tools.progress().detail("waiting for another csw that resolves it")).await?;
    if path.is_file() {
        return Ok(());
    }
    let work = tempfile::Builder::new()
        .prefix("csw-lock-")
        .tempdir()
        .map_err(|e| ExecutorError::io(&std::env::temp_dir(), e))?;
    let (list, resolved) = (work.path().join("requirements.in"), work.path().join("pylock.toml"));
    let mut lines = needs.all_lines();
    let mut from_conda = needs.conda_packages();
    loop {
        tools.progress().step("Resolving what it needs");
        fs::write(&list, lines.join("\n") + "\n").map_err(|e| ExecutorError::io(&list, e))?;
        let mut compile = uv.command(["pip", "compile", "--no-header", "--no-sources"], work.path());
        compile.args(["--format", "pylock.toml", "--output-file"]).arg(&resolved);
        compile.arg("--python").arg(&base.path).arg(&list);
        compile.args(needs.projects.iter().filter_map(|project| says(&projects.join(project))));
        match tools.run("resolve the model's packages", &lock, compile).await {
            Err(ExecutorError::Step { last, .. })
                if unknown(&last)
                    .is_some_and(|name| leave_out(&name, &mut lines, &mut from_conda, tools)) => {}
            Err(e) => return Err(e),
            Ok(()) => break,
        }
    }
    publish_file(&resolved, path)
}

/// The file of a project that says what it depends on.
fn says(project: &Path) -> Option<PathBuf> {
    ["pyproject.toml", "setup.py", "setup.cfg"]
        .iter()
        .map(|name| project.join(name))
        .find(|file| file.is_file())
}

/// The project that no index has ever heard of. One that can't be reached is told otherwise.
fn unknown(last: &str) -> Option<String> {
    let text = last.split_whitespace().collect::<Vec<_>>().join(" ");
    let before =
        [" was not found in the package registry", " was not found in the provided package locations"]
            .iter()
            .find_map(|mark| text.split_once(mark))?
            .0;
    before.split_whitespace().last().map(str::to_owned)
}

/// Takes a package of conda away; false where it is none.
fn leave_out(name: &str, lines: &mut Vec<String>, from_conda: &mut Vec<String>, tools: &Tools<'_>) -> bool {
    let Some(at) = from_conda.iter().position(|package| is_of(package, name)) else { return false };
    let package = from_conda.remove(at);
    tools.progress().note(&format!("`{package}` is not on PyPI: left out"));
    lines.retain(|line| *line != package);
    true
}

/// Whether a requirement is one of that project.
fn is_of(requirement: &str, project: &str) -> bool {
    let end = requirement.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c)));
    let name = requirement.get(..end.unwrap_or(requirement.len())).unwrap_or_default();
    normal(name) == normal(project)
}

fn normal(name: &str) -> String {
    name.to_ascii_lowercase().replace(['_', '.'], "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_that_no_index_knows_is_told_from_versions_that_do_not_fit() {
        let said = "error: No solution found when resolving dependencies\n  cause: Because only-conda was not found in \
                    the package registry and you require only-conda>=2, we can conclude that …";
        assert_eq!(unknown(said).as_deref(), Some("only-conda"));
        let local = said.replace("package registry", "provided package locations");
        assert_eq!(unknown(&local).as_deref(), Some("only-conda"));
        assert_eq!(unknown("cause: Because only six<=1.17.0 is available and you require six>=99, …"), None);
        assert_eq!(unknown("error: Request failed after 3 retries in 7.5s"), None);
    }

    #[test]
    fn names_are_compared_as_indexes_do() {
        for (requirement, project, is) in [
            ("only-conda>=2", "only-conda", true),
            ("Only_Conda==2.*", "only-conda", true),
            ("only-conda", "only", false),
            ("only", "only-conda", false),
        ] {
            assert_eq!(is_of(requirement, project), is, "{requirement} {project}");
        }
    }
}
