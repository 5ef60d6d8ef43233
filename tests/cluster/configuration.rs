//! The services and models of the configuration, applied as a whole and in parts.

use std::path::Path;
use std::process::Command;

use super::space::Space;
use crate::support::{Csw, on_each_cluster, require};

/// A place with the configuration that is shipped. It is for tests of objects: their pods, which would take the node from
/// those who need it, find no room.
pub fn with_config() -> Space {
    let space = Space::new();
    space.refuse_pods("none");
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    assert!(Command::new("cp").arg("-R").arg(config).arg(space.sandbox.work()).status().unwrap().success());
    space
}

/// `csw` with everything that it takes to render.
pub fn csw(space: &Space, args: &[&str]) -> Csw {
    space.csw(args).env("PROJECT", "p").env("BUCKET", "file:///outputs").env("TAG", "v1")
}

fn json(space: &Space, args: &[&str], code: i32) -> serde_json::Value {
    let output = csw(space, &[args, &["-o", "json"]].concat()).output();
    assert_eq!(output.code, code, "stdout:\n{}\nstderr:\n{}", output.stdout, output.stderr);
    serde_json::from_str(&output.stdout).unwrap()
}

on_each_cluster!(a_model_without_a_file_is_pruned_and_nothing_else);

fn a_model_without_a_file_is_pruned_and_nothing_else() {
    if !require("kubernetes") {
        return;
    }
    let space = with_config();
    let all = json(&space, &["cluster", "apply"], 0);
    let total = all["changes"].as_array().unwrap().len();
    assert_eq!(json(&space, &["cluster", "apply"], 0)["summary"]["unchanged"], total);
    json(&space, &["cluster", "diff", "--exit-code"], 0);

    // Parts leave the rest alone.
    let services = json(&space, &["svc", "apply", "--prune"], 0);
    let models = json(&space, &["models", "apply", "--prune"], 0);
    let count = |set: &serde_json::Value| set["changes"].as_array().unwrap().len();
    assert_eq!(count(&services) + count(&models), total);
    assert_eq!((&services["summary"]["delete"], &models["summary"]["delete"]), (&0.into(), &0.into()));

    let solow = json(&space, &["models", "-n", "Examples/Solow", "apply"], 0);
    std::fs::remove_file(space.sandbox.work().join("config/Examples/Solow.yaml")).unwrap();
    let pruned = json(&space, &["cluster", "apply", "--prune"], 0);
    let mut deleted: Vec<String> =
        pruned["done"]["pruned"].as_array().unwrap().iter().map(ToString::to_string).collect();
    let mut its: Vec<String> =
        solow["changes"].as_array().unwrap().iter().map(|c| c["object"].to_string()).collect();
    deleted.sort();
    its.sort();
    assert_eq!(deleted, its);
    assert_eq!(pruned["summary"]["unchanged"], total - its.len());
    json(&space, &["cluster", "delete", "--yes"], 0);
}
