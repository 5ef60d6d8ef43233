use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::beneath::{Beneath, leads_out, plain};
use crate::isolation::{Confinement, ContainerLimits, Grants};
use crate::model::{Isolation, Model};

/// How models on this machine are kept to what is theirs.
#[derive(Debug, Clone)]
pub struct Isolating {
    /// csw itself, which models are started through.
    pub launcher: PathBuf,
    /// How far, where a model's file does not say.
    pub level: Isolation,
    /// What no model reads, also where it lies in a folder that one may read.
    pub hidden: Vec<PathBuf>,
    /// The variables that tell which Docker engine runs containers.
    pub engine: BTreeMap<String, String>,
}

impl Isolating {
    /// How far a model is kept from what is not its own.
    pub fn level(&self, model: &Model) -> Isolation {
        model.reach.isolation.unwrap_or(self.level)
    }

    /// What the processes of a model are kept to; `reads` are the folders of its environment.
    pub(super) fn confinement(
        &self,
        model: &Model,
        workdir: &Path,
        reads: Vec<PathBuf>,
    ) -> Result<Option<Confinement>, String> {
        let level = self.level(model);
        if level == Isolation::None {
            return Ok(None);
        }
        let reach = |key: &str, paths: &[PathBuf]| {
            let all: Result<Vec<_>, String> = paths.iter().map(|path| reached(workdir, path)).collect();
            all.map_err(|e| format!("{}: `{key}`: {e}", model.name))
        };
        let writes = reach("writes", &model.reach.writes)?;
        for folder in writes.iter().filter(|path| !path.exists()) {
            fs::create_dir_all(folder).map_err(|e| {
                format!("{}: cannot make {}, which is in `writes`: {e}", model.name, folder.display())
            })?;
        }
        let mut reads: Vec<PathBuf> = [workdir.to_owned()].into_iter().chain(reads).collect();
        reads.extend(reach("reads", &model.reach.reads)?);
        Ok(Some(Confinement {
            level,
            launcher: self.launcher.clone(),
            grants: Grants { reads, writes, hidden: self.hidden.clone() },
            scratch: None,
            container: ContainerLimits {
                memory: model.resources.limits.memory.bytes(),
                cpu_millis: model.resources.limits.cpu.millis(),
                internet: model.placement.internet,
                engine: self.engine.clone(),
            },
        }))
    }
}

/// A path that the model's file names. What the file says is its author's affair; a link in the repository, which somebody
/// else has filled, must not lead elsewhere.
fn reached(workdir: &Path, path: &Path) -> Result<PathBuf, String> {
    let path = plain(&workdir.join(path));
    if let Ok(below) = path.strip_prefix(plain(workdir))
        && below != Path::new("")
    {
        let cannot = |e: io::Error| format!("cannot use {}: {e}", path.display());
        Beneath::open(workdir).map_err(cannot)?.must_hold(below).map_err(|e| match leads_out(&e) {
            true => {
                format!("{} is a link out of the repository; name what it leads to instead", path.display())
            }
            false => cannot(e),
        })?;
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_link_of_the_repository_opens_nothing_outside_it() {
        let outer = tempfile::tempdir().unwrap();
        let repo = outer.path().join("repo");
        fs::create_dir_all(repo.join("data")).unwrap();
        symlink("..", repo.join("up")).unwrap();
        symlink("/etc", repo.join("data/etc")).unwrap();
        symlink("/nowhere/at/all", repo.join("new")).unwrap();
        symlink("data", repo.join("stays")).unwrap();
        for out in ["up", "up/else", "data/etc", "./data/../data/etc/ssl", "new", "stays/etc"] {
            let error = reached(&repo, Path::new(out)).unwrap_err();
            assert!(error.contains("is a link out of the repository"), "{out}: {error}");
        }
        for (path, leads) in [
            ("data", repo.join("data")),
            ("data/not/there", repo.join("data/not/there")),
            ("stays", repo.join("stays")),
            (".", repo.clone()),
            ("../beside", outer.path().join("beside")),
            ("/srv/data", PathBuf::from("/srv/data")),
        ] {
            assert_eq!(reached(&repo, Path::new(path)), Ok(leads), "{path}");
        }
    }
}
