//! The README's way to a cluster, word for word, on one that has nothing of csw.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use super::harness::Disks;
use crate::cluster::space::{Space, kubeconfig};
use crate::readme::{blocks, readme};
use crate::support::registry::Registry;
use crate::support::{Corner, StackImages, on_each_cluster, require};

on_each_cluster!(the_way_to_a_cluster_works);

fn the_way_to_a_cluster_works() {
    if !require("kubernetes-node") || !require("registry") {
        return;
    }
    let space = Space::new();
    // Built once for all tests, they are only named anew here.
    let Some(images) = StackImages::build(&space.sandbox, &[]) else { return };
    let _disks = Disks::new(&space.name);
    // The namespace is the way's to make.
    space.kubectl(&["delete", "namespace", &space.name]);
    let (registry, corner) = (Registry::start(), Corner::new());
    let (work, home) = (space.sandbox.work(), space.sandbox.home());
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in ["config", "examples"] {
        let copied = Command::new("cp").arg("-R").arg(repository.join(folder)).arg(&work).status().unwrap();
        assert!(copied.success());
    }
    let bin = home.join("bin");
    std::fs::create_dir(&bin).unwrap();
    symlink(env!("CARGO_BIN_EXE_csw"), bin.join("csw")).unwrap();
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
            .env("CSW_REGISTRY", &registry.address)
            .env("PROJECT", corner.project())
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
