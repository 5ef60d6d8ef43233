//! What a repository asks for is installed from a package index, by pip in the image.

use super::support::{Project, in_image};
use crate::support::{Base, base_image, require};

const PROJECT: &str = "[build-system]\nrequires = [\"setuptools\"]\nbuild-backend = \"setuptools.build_meta\"\n\
    [project]\nname = \"tiny\"\nversion = \"1.2\"\n[tool.setuptools]\npy-modules = [\"tiny\"]\n";

/// A project, and a base that has pip; `None` leaves the test out.
fn with_pip() -> Option<(Project, String)> {
    let base = base_image(Base::Python)?;
    require("pypi").then_some((Project::new()?, base))
}

#[test]
fn requirements_and_the_project_itself_are_installed_and_cached_apart() {
    let Some((project, base)) = with_pip() else { return };
    let stamp = format!("# {}\nVALUE = 1\n", project.corner.project());
    project.model(
        "Asks",
        "",
        &[
            ("run.sh", ""),
            ("requirements.txt", "six\n-e .\n"),
            ("pyproject.toml", PROJECT),
            ("tiny.py", &stamp),
        ],
    );
    let build = || {
        let output = project.csw(&["models", "build"]).env("CSW_BASE_IMAGE", &base).output();
        assert_eq!(output.code, 0, "{}", output.stderr);
        let log = project.sandbox.home().join(".cache/csw/logs/images/Tests-Asks.log");
        std::fs::read_to_string(log).unwrap()
    };
    build();
    let image = project.image("tests_asks_tasks");
    let say = "cd / && python3 -c 'import six, tiny; print(six.__name__, tiny.VALUE)'";
    assert_eq!(in_image(&image, say), "six 1");
    // Nothing that only the installation needed is in the image.
    assert_eq!(in_image(&image, "ls -A /root/.cache 2>/dev/null | wc -l"), "0");
    // Another source does not install anew what it asks for.
    project.sandbox.write("repos/Asks/tiny.py", stamp.replace("= 1", "= 2"));
    let log = build();
    let cached = |step: &str| log.lines().any(|line| line.starts_with("CACHED") && line.ends_with(step));
    assert!(cached("install.sh packages") && !cached("install.sh projects"), "{log}");
    assert_eq!(in_image(&image, say), "six 2");
}

#[test]
fn an_environment_for_conda_comes_from_the_index_where_the_base_has_no_conda() {
    let Some((project, base)) = with_pip() else { return };
    // Another name each time, for the builder's cache to know nothing of it.
    let environment = format!(
        "name: {}\nchannels: [conda-forge]\ndependencies:\n- python>=3.9\n- six\n- libblas\n- pip\n- pip:\n  - toolz\n",
        project.corner.project()
    );
    let script = "conda install --yes --channel conda-forge packaging\n";
    project.model(
        "Conda",
        "",
        &[
            ("run.sh", project.corner.project()),
            ("environment.yml", &environment),
            ("cs-config/install.sh", script),
        ],
    );
    let output = project.csw(&["models", "build"]).env("CSW_BASE_IMAGE", &base).output();
    assert_eq!(output.code, 0, "{}", output.stderr);
    assert!(output.stderr.contains("the packages of environment.yml come from PyPI"), "{}", output.stderr);
    let image = project.image("tests_conda_tasks");
    let found = in_image(&image, "python3 -c 'import packaging, six, toolz; print(\"all\")'");
    assert_eq!(found, "all", "{}", output.stderr);
    // A package that no index has is named, with what pip says of it.
    project.sandbox.write("repos/Conda/requirements.txt", "no-such-package-of-csw==7.7\n");
    project.sandbox.write("repos/Conda/environment.yml", "dependencies: [six]\n");
    let output = project.csw(&["models", "build"]).env("CSW_BASE_IMAGE", &base).output();
    assert_eq!(output.code, 1, "{}", output.stderr);
    let error = output.stderr.split("error:").nth(1).unwrap();
    assert!(error.contains("no-such-package-of-csw==7.7"), "{}", output.stderr);
}
