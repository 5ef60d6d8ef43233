//! What a container has of this machine's files.

use std::path::{Path, PathBuf};

use super::{Grants, system};

/// A file or folder of this machine in a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mounted {
    /// To be read.
    Read {
        /// Where it really is.
        source: PathBuf,
        /// Where it is in the container.
        target: PathBuf,
    },
    /// To do anything with, where it is outside.
    Write {
        /// Where.
        path: PathBuf,
    },
    /// Something that stays closed: an empty folder is in its place.
    Nothing {
        /// Where.
        folder: PathBuf,
    },
}

/// What an engine puts into a container by itself.
const ENGINES_OWN: [&str; 5] = ["/proc", "/sys", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf"];

impl Grants {
    /// What a container needs for the same as these grants. What does not exist is left out.
    pub fn mounts(&self) -> Vec<Mounted> {
        let writes: Vec<PathBuf> = self.writes.iter().filter_map(|path| path.canonicalize().ok()).collect();
        let is_engines = |path: &Path| ENGINES_OWN.iter().any(|own| path.starts_with(own));
        let system = system::readable().into_iter().filter(|path| !is_engines(path));
        let mut reads: Vec<(PathBuf, PathBuf)> = Vec::new();
        for named in system.chain(self.reads.iter().cloned()) {
            let Ok(real) = named.canonicalize() else { continue };
            for target in [named, real.clone()] {
                reads.push((real.clone(), target));
            }
        }
        // What lies in another is there already, in the same place.
        reads.sort_by(|a, b| a.1.cmp(&b.1));
        reads.dedup_by(|a, b| a.1 == b.1);
        let whole: Vec<PathBuf> =
            reads.iter().filter(|(real, target)| real == target).map(|(real, _)| real.clone()).collect();
        let is_inside =
            |path: &Path, folders: &[PathBuf]| folders.iter().any(|f| path.starts_with(f) && path != f);
        let mut mounts: Vec<Mounted> = Vec::new();
        for (source, target) in reads {
            let covered =
                is_inside(&target, &whole) || writes.iter().any(|folder| target.starts_with(folder));
            if !covered {
                mounts.push(Mounted::Read { source, target });
            }
        }
        mounts.extend(writes.into_iter().map(|path| Mounted::Write { path }));
        mounts.extend(self.hidden_within().into_iter().map(|path| match path.is_dir() {
            true => Mounted::Nothing { folder: path },
            false => Mounted::Read { source: "/dev/null".into(), target: path },
        }));
        mounts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_file_is_there_once_and_where_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        for path in ["model/lib", "model/out", "model/state", "data"] {
            std::fs::create_dir_all(root.join(path)).unwrap();
        }
        std::fs::write(root.join("model/token"), "t").unwrap();
        std::os::unix::fs::symlink(root.join("data"), root.join("link")).unwrap();
        let at = |path: &str| root.join(path);
        let grants = Grants {
            reads: vec![at("model"), at("model/lib"), at("link"), at("none")],
            writes: vec![at("model/out")],
            hidden: vec![at("model/state"), at("model/token"), at("data/x")],
        };
        let mounts = grants.mounts();
        let here: Vec<&Mounted> = mounts
            .iter()
            .filter(|mounted| match mounted {
                Mounted::Read { target: path, .. }
                | Mounted::Write { path }
                | Mounted::Nothing { folder: path } => path.starts_with(&root),
            })
            .collect();
        let read = |source: PathBuf, path: &str| Mounted::Read { source, target: at(path) };
        assert_eq!(
            here,
            [
                &read(at("data"), "data"),
                &read(at("data"), "link"),
                &read(at("model"), "model"),
                &Mounted::Write { path: at("model/out") },
                &Mounted::Nothing { folder: at("model/state") },
                &read("/dev/null".into(), "model/token"),
            ]
        );
        let usr = Mounted::Read { source: "/usr".into(), target: "/usr".into() };
        assert!(mounts.contains(&usr), "{mounts:?}");
        for own in ENGINES_OWN {
            assert!(
                !mounts.iter().any(|m| matches!(m, Mounted::Read { target, .. } if target.starts_with(own)))
            );
        }
    }
}
