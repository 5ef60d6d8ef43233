use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

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
        let below = |paths: &[PathBuf]| paths.iter().map(|path| workdir.join(path)).collect::<Vec<_>>();
        let writes = below(&model.reach.writes);
        for folder in writes.iter().filter(|path| !path.exists()) {
            fs::create_dir_all(folder).map_err(|e| {
                format!("{}: cannot make {}, which is in `writes`: {e}", model.name, folder.display())
            })?;
        }
        let mut reads: Vec<PathBuf> = [workdir.to_owned()].into_iter().chain(reads).collect();
        reads.extend(below(&model.reach.reads));
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
