use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};

use super::{Grants, Scratch};
use crate::model::Isolation;

/// How a model's processes are kept from what is not theirs: by `csw isolate`, which they are started through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confinement {
    /// How far.
    pub level: Isolation,
    /// csw itself.
    pub launcher: PathBuf,
    /// What is theirs, besides their folder of scratch.
    #[serde(default)]
    pub grants: Grants,
    /// The folder of scratch, where somebody has made one for all processes of a task.
    #[serde(default)]
    pub scratch: Option<PathBuf>,
    /// What a container has.
    #[serde(default)]
    pub container: ContainerLimits,
}

/// What a container may use, and which engine runs it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerLimits {
    /// Bytes of memory.
    #[serde(default)]
    pub memory: u64,
    /// Thousandths of a processor.
    #[serde(default)]
    pub cpu_millis: u64,
    /// Whether it has a network.
    #[serde(default)]
    pub internet: bool,
    /// The variables that tell which Docker engine it is.
    #[serde(default)]
    pub engine: BTreeMap<String, String>,
}

/// What stands before the name of a model's variable while it is handed through the environment of `csw isolate`.
pub(crate) const HANDED_ON: &str = "CSW_ISOLATE_";

impl Confinement {
    /// The folder of scratch for a process.
    ///
    /// # Errors
    /// When it can't be made.
    pub fn scratch(&self) -> io::Result<Scratch> {
        self.scratch.as_deref().map_or_else(Scratch::new, Scratch::at)
    }

    /// A command that runs `plain` confined. `plain` has all of its variables and its working folder set.
    ///
    /// # Errors
    /// When its program is not there.
    pub fn confine(&self, plain: &Command, scratch: &Scratch) -> io::Result<Command> {
        let folder = plain.get_current_dir().unwrap_or(Path::new("/"));
        let path = plain.get_envs().find(|(name, _)| *name == "PATH").and_then(|(_, value)| value);
        let program = locate(plain.get_program(), path, folder)?;
        let mut command = Command::new(&self.launcher);
        command.arg("isolate").current_dir(folder).env_clear();
        let inside = self.level == Isolation::Container;
        if inside {
            let ContainerLimits { memory, cpu_millis, internet, engine } = &self.container;
            command.arg("--container").args(["--memory", &memory.to_string()]);
            command.args(["--cpu-millis", &cpu_millis.to_string()]);
            command.args(internet.then_some("--internet"));
            command.arg("--scratch").arg(scratch.path()).envs(engine);
        }
        for (name, value) in plain.get_envs().filter_map(|(name, value)| Some((name, value?))) {
            match inside {
                // The engine's client must not take them for its own.
                true => command.env(handed_on(name), value),
                false => command.env(name, value),
            };
        }
        let roots = roots(&program, std::env::home_dir().as_deref());
        for path in self.grants.reads.iter().chain(&roots) {
            command.arg("--read").arg(path);
        }
        for path in self.grants.writes.iter().map(PathBuf::as_path).chain([scratch.path()]) {
            command.arg("--write").arg(path);
        }
        for path in &self.grants.hidden {
            command.arg("--hide").arg(path);
        }
        command.arg("--").arg(&program).args(plain.get_args());
        Ok(command)
    }
}

fn handed_on(name: &OsStr) -> OsString {
    [OsStr::new(HANDED_ON), name].into_iter().collect()
}

/// The program as a path, found as an exec with these variables would find it.
fn locate(program: &OsStr, path: Option<&OsStr>, folder: &Path) -> io::Result<PathBuf> {
    use std::os::unix::fs::PermissionsExt as _;
    let named = Path::new(program);
    if named.components().count() > 1 {
        let path = folder.join(named);
        return path.metadata().map(|_| path);
    }
    let runs =
        |file: &PathBuf| file.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0);
    let path = path.unwrap_or(OsStr::new("/usr/local/bin:/usr/bin:/bin"));
    let found = std::env::split_paths(path).map(|dir| folder.join(dir).join(named)).find(runs);
    found.ok_or_else(|| io::ErrorKind::NotFound.into())
}

/// What a program brings along: itself, and the folder that it is installed in, as in `/opt/conda` for
/// `/opt/conda/bin/python`; never one with the user's home in it.
fn roots(program: &Path, home: Option<&Path>) -> Vec<PathBuf> {
    let mut roots = vec![program.to_owned()];
    let real = program.canonicalize().unwrap_or_else(|_| program.to_owned());
    for path in [program, &real] {
        let folder = path.parent().filter(|folder| folder.file_name() == Some(OsStr::new("bin")));
        let Some(prefix) = folder.and_then(Path::parent) else { continue };
        let is_too_much = prefix.parent().is_none() || home.is_some_and(|home| home.starts_with(prefix));
        if !is_too_much && !roots.contains(&prefix.to_owned()) {
            roots.push(prefix.to_owned());
        }
    }
    roots
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_programs_own_folder_comes_with_it_and_a_home_never() {
        let home = Path::new("/home/me");
        let brought = |program: &str| roots(Path::new(program), Some(home));
        assert_eq!(
            brought("/opt/none/bin/python"),
            [Path::new("/opt/none/bin/python"), Path::new("/opt/none")]
        );
        for program in ["/home/me/bin/x", "/bin/none", "/home/bin/none", "/home/me/tools/x"] {
            assert_eq!(brought(program), [Path::new(program)], "{program}");
        }
    }

    #[test]
    fn programs_are_found_as_exec_finds_them() {
        let found = |program: &str, path: Option<&str>| {
            locate(OsStr::new(program), path.map(OsStr::new), Path::new("/bin"))
        };
        assert_eq!(found("sh", Some("/none:/bin")).unwrap(), Path::new("/bin/sh"));
        assert_eq!(found("./sh", None).unwrap(), Path::new("/bin/./sh"));
        for (program, path) in [("sh", Some("/none")), ("./none", None), ("", None)] {
            assert_eq!(found(program, path).unwrap_err().kind(), io::ErrorKind::NotFound, "{program}");
        }
    }

    #[test]
    fn a_command_is_handed_on_with_its_variables_and_its_rights() {
        let scratch = Scratch::new().unwrap();
        let mut plain = Command::new("sh");
        plain.args(["-c", "x"]).current_dir("/usr").env_clear().env("PATH", "/bin").env("A", "1");
        let mut confinement = Confinement {
            level: Isolation::Process,
            launcher: "/csw".into(),
            grants: Grants { reads: vec!["/r".into()], writes: vec!["/w".into()], hidden: vec!["/h".into()] },
            scratch: None,
            container: ContainerLimits { memory: 5, cpu_millis: 500, ..ContainerLimits::default() },
        };
        let text = |command: &Command| {
            let words: Vec<_> = command.get_args().map(|a| a.to_string_lossy().into_owned()).collect();
            let variables: Vec<_> =
                command.get_envs().map(|(n, _)| n.to_string_lossy().into_owned()).collect();
            (words.join(" ").replace(&scratch.path().display().to_string(), "/s"), variables.join(" "))
        };
        let (words, variables) = text(&confinement.confine(&plain, &scratch).unwrap());
        assert!(words.starts_with("isolate --read /r --read /bin/sh "), "{words}");
        assert!(words.ends_with(" --write /w --write /s --hide /h -- /bin/sh -c x"), "{words}");
        assert_eq!(variables, "A PATH");
        confinement.level = Isolation::Container;
        let (words, variables) = text(&confinement.confine(&plain, &scratch).unwrap());
        assert!(
            words.starts_with("isolate --container --memory 5 --cpu-millis 500 --scratch /s --read"),
            "{words}"
        );
        assert_eq!(variables, "CSW_ISOLATE_A CSW_ISOLATE_PATH");
    }
}
