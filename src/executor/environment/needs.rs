//! What a repository says it needs.

use std::path::{Path, PathBuf};

use super::conda::{self, CondaFile};
use super::requirement::{FromConda, from_conda};
use super::shell_lines;
use crate::beneath::{Beneath, plain};
use crate::executor::ExecutorError;

/// What has to be installed for a repository, and the files that say so.
#[derive(Debug, Default)]
pub(super) struct Needs {
    /// Name and content of every file that has a say, of archives the digest: together they identify the environment.
    pub(super) files: Vec<(String, Vec<u8>)>,
    /// `environment.yml`, if there is one, and its path.
    pub(super) conda: Option<(PathBuf, CondaFile)>,
    /// Lines for pip.
    pub(super) lines: Vec<String>,
    /// Folders of the repository that are Python projects to be installed: "" and `cs-config`.
    pub(super) projects: Vec<&'static str>,
    /// The repository can't be imported from its folder (it is compiled, or laid out in its own way): an environment
    /// holds one commit of it.
    pub(super) bound: bool,
    /// A folder of the repository is among the lines: an environment holds one state of it.
    pub(super) pinned: bool,
    /// Absolute paths outside of the repository that lines name: in an image they are the image's.
    pub(super) abroad: Vec<PathBuf>,
    /// For people: what was asked for and is not done.
    pub(super) notes: Vec<String>,
}

const FOLDERS: [&str; 2] = ["", "cs-config"];

impl Needs {
    /// Reads what is in the repository's folder, and nothing outside of it.
    pub(super) fn read(workdir: &Path) -> Result<Self, ExecutorError> {
        let root = Beneath::open(workdir).map_err(|e| ExecutorError::io(workdir, e))?;
        let mut needs = Self::default();
        for folder in FOLDERS {
            needs.environment_file(&root, folder)?;
            needs.requirements(&root, folder)?;
            needs.project(&root, folder)?;
        }
        needs.install_script(&root)?;
        needs.projects.dedup();
        needs.bound = needs.projects.iter().any(|p| !is_importable(&root, Path::new(p)));
        Ok(needs)
    }

    /// That nothing of this machine is named but the repository itself: what pip would do with it here.
    pub(super) fn must_stay_inside(&self, workdir: &Path) -> Result<(), ExecutorError> {
        match self.abroad.first() {
            None => Ok(()),
            Some(path) => Err(ExecutorError::Outside { repository: workdir.to_owned(), path: path.clone() }),
        }
    }

    /// Whether an interpreter is enough.
    pub(super) fn nothing(&self) -> bool {
        self.conda.is_none() && self.lines.is_empty() && self.projects.is_empty()
    }

    /// Whether a file of that name has had its say.
    pub(super) fn has_taken(&self, name: &str) -> bool {
        self.files.iter().any(|(known, _)| known == name)
    }

    pub(super) fn take(&mut self, root: &Beneath, path: &Path) -> Result<Option<Vec<u8>>, ExecutorError> {
        let bytes = root.read(path).map_err(|e| ExecutorError::beneath(root.path(), path, e))?;
        if let Some(bytes) = &bytes {
            self.files.push((name_of(path), bytes.clone()));
        }
        Ok(bytes)
    }

    fn text(&mut self, root: &Beneath, path: &Path) -> Result<Option<String>, ExecutorError> {
        Ok(self.take(root, path)?.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }

    fn environment_file(&mut self, root: &Beneath, folder: &'static str) -> Result<(), ExecutorError> {
        for name in ["environment.yml", "environment.yaml"] {
            // The repository's own comes first: that of cs-config is a part of it where there are both.
            if self.conda.is_some() {
                return Ok(());
            }
            let relative = Path::new(folder).join(name);
            if let Some(text) = self.text(root, &relative)? {
                let path = root.path().join(&relative);
                let mut file = conda::read(&text)
                    .map_err(|reason| ExecutorError::EnvironmentFile { path: path.clone(), reason })?;
                if file.project {
                    self.projects.push(folder);
                }
                let mut pip = Vec::new();
                for line in file.pip.drain(..) {
                    self.expand(root, &relative, line, &mut pip)?;
                }
                file.pip = pip;
                self.conda = Some((path, file));
            }
        }
        Ok(())
    }

    fn requirements(&mut self, root: &Beneath, folder: &'static str) -> Result<(), ExecutorError> {
        let file = Path::new(folder).join("requirements.txt");
        for line in self.lines_of(root, &file)? {
            let (option, rest) = line.split_once(char::is_whitespace).unwrap_or((&line, ""));
            match option {
                "-e" | "--editable" if is_here(rest) => self.projects.push(folder),
                _ if is_here(&line) => self.projects.push(folder),
                _ => self.add(root, &file, line)?,
            }
        }
        Ok(())
    }

    fn add(&mut self, root: &Beneath, file: &Path, line: String) -> Result<(), ExecutorError> {
        let mut lines = Vec::new();
        self.expand(root, file, line, &mut lines)?;
        self.lines.extend(lines);
        Ok(())
    }

    /// All lines for an installer that has no conda.
    pub(super) fn all_lines(&self) -> Vec<String> {
        let conda = self.conda.iter().flat_map(|(_, file)| file.packages.iter().chain(&file.pip));
        conda.chain(&self.lines).cloned().collect()
    }

    /// The packages of conda among them.
    pub(super) fn conda_packages(&self) -> Vec<String> {
        self.conda.as_ref().map(|(_, file)| file.packages.clone()).unwrap_or_default()
    }

    /// Whether the lines say which files they are: then nothing else may be installed for them.
    pub(super) fn hashed(&self) -> bool {
        self.all_lines()
            .iter()
            .any(|line| line.contains("--hash=") || line.contains("--hash ") || line == "--require-hashes")
    }

    fn project(&mut self, root: &Beneath, folder: &'static str) -> Result<(), ExecutorError> {
        let mut says = String::new();
        for name in ["pyproject.toml", "setup.py", "setup.cfg"] {
            if let Some(text) = self.text(root, &Path::new(folder).join(name))? {
                says.push_str(&text);
                says.push('\n');
            }
        }
        if wants_installation(&says) && !self.projects.contains(&folder) {
            self.projects.push(folder);
        }
        Ok(())
    }

    fn install_script(&mut self, root: &Beneath) -> Result<(), ExecutorError> {
        let file = Path::new("cs-config/install.sh");
        let Some(script) = self.text(root, file)? else { return Ok(()) };
        let found = shell_lines::read(&script);
        for spec in &found.conda {
            match from_conda(spec) {
                Some(FromConda::Package(package)) => self.lines.push(package),
                Some(FromConda::Python(_)) => {}
                Some(FromConda::CondaOnly(name))
                    if matches!(name.as_str(), "pip" | "setuptools" | "wheel") => {}
                Some(FromConda::CondaOnly(other)) => self.notes.push(format!(
                    "cs-config/install.sh: conda's `{other}` is left out: pip has no such package"
                )),
                None => {
                    self.notes.push(format!("cs-config/install.sh: `{spec}` is left out: not understood"))
                }
            }
        }
        for line in found.pip {
            match line.strip_prefix("-r ") {
                // The script is run in the repository's folder; its own requirements.txt is read already.
                Some("requirements.txt") => {}
                _ => self.add(root, Path::new("install.sh"), line)?,
            }
        }
        if found.project && is_project(root) && !self.projects.contains(&"") {
            self.projects.insert(0, "");
        }
        for line in found.ignored {
            self.notes.push(format!("cs-config/install.sh is not run; left out: {line}"));
        }
        Ok(())
    }
}

/// What a file of the repository is called among [`Needs::files`].
pub(super) fn name_of(path: &Path) -> String {
    plain(path).to_string_lossy().into_owned()
}

fn is_here(path: &str) -> bool {
    matches!(path.trim(), "." | "./")
}

fn is_project(root: &Beneath) -> bool {
    ["pyproject.toml", "setup.py", "setup.cfg"].iter().any(|n| root.has_file(n))
}

/// Whether a project's files ask for anything that having its folder on the path does not give: dependencies, entry
/// points, compiled parts, a layout of its own, metadata that it reads itself. Read as text, and in doubt yes:
/// installing too much costs seconds, too little the run.
fn wants_installation(files: &str) -> bool {
    const WORDS: [&str; 15] = [
        "install_requires",
        "requires =",
        "dependencies",
        "entry_points",
        "scripts",
        "ext_modules",
        "cffi_modules",
        "cython",
        "maturin",
        "meson",
        "scikit-build",
        "package_dir",
        "poetry",
        "setuptools_scm",
        "setuptools-scm",
    ];
    files.lines().any(|line| {
        let line = line.split('#').next().unwrap_or_default();
        let lower = line.to_ascii_lowercase();
        let compact: String = lower.chars().filter(|c| !c.is_whitespace()).collect();
        // What is listed as empty is not asked for; what a project is built with is no need of its own.
        let empty = ["=[]", "=[],", "=()", "=(),", "={}", "={},"].iter().any(|e| compact.ends_with(e));
        let build = compact.starts_with("requires=[\"setuptools") && !compact.contains("scm");
        !empty && !build && WORDS.iter().any(|w| lower.contains(w))
    })
}

/// Whether all of a project's Python can be imported from its folder or its `src`: it has modules there and nothing
/// that a compiler would have to turn into some.
fn is_importable(root: &Beneath, project: &Path) -> bool {
    let has_modules = |folder: &Path| {
        root.names(folder).unwrap_or_default().iter().any(|name| {
            let own = !matches!(name.as_str(), "setup.py" | "conftest.py" | "docs" | "tests" | "test");
            own && (name.ends_with(".py") || root.has_file(folder.join(name).join("__init__.py")))
        })
    };
    (has_modules(project) || has_modules(&project.join("src"))) && !has_sources_to_compile(root, project, 0)
}

fn has_sources_to_compile(root: &Beneath, folder: &Path, depth: usize) -> bool {
    const DEEPEST: usize = 6;
    root.names(folder).unwrap_or_default().iter().any(|name| {
        let path = folder.join(name);
        if root.has_folder(&path) && !root.has_link(&path) {
            let skipped = name.starts_with('.') || matches!(name.as_str(), "build" | "venv" | "node_modules");
            return !skipped && depth < DEEPEST && has_sources_to_compile(root, &path, depth + 1);
        }
        [".pyx", ".pxd", ".c", ".cc", ".cpp", ".f", ".f90", ".rs"].iter().any(|e| name.ends_with(e))
    })
}

#[cfg(test)]
pub(super) mod tests {
    use std::fs;

    use super::*;

    pub(in crate::executor::environment) fn repository(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        folder
    }

    #[test]
    fn plain_python_needs_nothing() {
        let setup = "import setuptools\nsetuptools.setup(name='cs-config', packages=setuptools.find_packages(), \
                     include_package_data=True)\n";
        let toml =
            "[build-system]\nrequires = [\"setuptools>=61\"]\n[project]\nname = \"x\"\ndependencies = []\n";
        let folder = repository(&[
            ("cs-config/setup.py", setup),
            ("cs-config/cs_config/functions.py", ""),
            ("pyproject.toml", toml),
            ("model/__init__.py", ""),
        ]);
        let needs = Needs::read(folder.path()).unwrap();
        assert!(needs.nothing(), "{needs:?}");
    }

    #[test]
    fn everything_that_says_something_is_read() {
        let folder = repository(&[
            ("environment.yml", "dependencies: [numpy=1.2, {pip: [-e .]}]\n"),
            ("requirements.txt", "# comment\nsix>=1 # why\n-e .\n-r more.txt\n./vendored\n"),
            ("more.txt", "tabulate\n"),
            ("setup.py", "setup(install_requires=['a'])"),
            ("pkg/__init__.py", ""),
            ("cs-config/requirements.txt", "PyYAML\n"),
            (
                "cs-config/install.sh",
                "conda install PSLmodels::taxcalc gcc\napt-get update\npip install -e . x\n",
            ),
        ]);
        let needs = Needs::read(folder.path()).unwrap();
        let here = folder.path().display();
        assert_eq!(
            needs.lines,
            ["six>=1", "tabulate", &format!("{here}/vendored"), "PyYAML", "taxcalc", "x"]
        );
        assert_eq!(needs.projects, [""]);
        assert!(!needs.bound);
        assert_eq!(needs.conda.unwrap().1.packages, ["numpy==1.2.*"]);
        let names: Vec<_> = needs.files.iter().map(|(n, _)| n.as_str()).collect();
        assert_eq!(
            names,
            [
                "environment.yml",
                "requirements.txt",
                "more.txt",
                "setup.py",
                "cs-config/requirements.txt",
                "cs-config/install.sh"
            ]
        );
        assert_eq!(needs.notes.len(), 2, "{:?}", needs.notes);
    }

    #[test]
    fn compiled_repositories_are_bound_to_their_commit() {
        let files = [("setup.py", "setup(ext_modules=[x])"), ("pkg/__init__.py", ""), ("pkg/fast.pyx", "")];
        assert!(Needs::read(repository(&files).path()).unwrap().bound);
        let odd = [("setup.py", "setup(package_dir={'': 'lib'})"), ("lib/pkg/__init__.py", "")];
        assert!(Needs::read(repository(&odd).path()).unwrap().bound);
    }
}
