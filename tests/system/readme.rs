//! The README's way to a cluster.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use super::harness::Disks;
use crate::cluster::space::{Space, kubeconfig};
use crate::readme::{blocks, readme, stand_in};
use crate::support::{StackImages, require};

#[test]
fn the_way_to_a_cluster_works() {
    if !require("kubernetes-node") {
        return;
    }
    let space = Space::new();
    let Some(images) = StackImages::build(&space.sandbox, &[]) else { return };
    let _disks = Disks::new(&space.name);
    let (work, home) = (space.sandbox.work(), space.sandbox.home());
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in ["config", "examples"] {
        let copied = Command::new("cp").arg("-R").arg(repository.join(folder)).arg(&work).status().unwrap();
        assert!(copied.success());
    }
    // The models that are shipped for real clusters have no image here.
    std::fs::remove_dir_all(work.join("config/PSLmodels")).unwrap();
    std::fs::remove_file(work.join("config/Examples/Epidemic.yaml")).unwrap();
    let bin = home.join("bin");
    std::fs::create_dir(&bin).unwrap();
    symlink(env!("CARGO_BIN_EXE_csw"), bin.join("csw")).unwrap();
    // The cluster is there, and its node has the engine's images.
    stand_in(&bin, "kind", "case \"$1 $2\" in 'create cluster' | 'load docker-image') ;; *) exit 2 ;; esac");
    let blocks = blocks(&readme(), "shell");
    assert_eq!(blocks.len(), 2);
    for block in blocks {
        let log = home.join("log");
        let file = std::fs::File::create(&log).unwrap();
        let mut script = images.with(space.sandbox.csw(["--version"])).into_command();
        let environment: Vec<_> =
            script.get_envs().filter_map(|(k, v)| Some((k.to_owned(), v?.to_owned()))).collect();
        script = Command::new("timeout");
        let status = script
            .args(["--kill-after=5", "420", "sh", "-euc", &block])
            .env_clear()
            .envs(environment)
            .env("PATH", format!("{}:{}", bin.display(), std::env::var("PATH").unwrap()))
            .env("KUBECONFIG", kubeconfig())
            .env("CSW_NAMESPACE", &space.name)
            .current_dir(&work)
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .status()
            .unwrap();
        assert!(status.success(), "{block}\n\n{status}\n{}", std::fs::read_to_string(&log).unwrap());
    }
    assert!(work.join("growth/renderable").is_dir());
    assert_eq!(space.members("deployments"), Vec::<String>::new());
}
