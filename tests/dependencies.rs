//! What is built in: no crate comes in unseen, and `cargo build` and `cargo test` share every one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use crate::support::generated;

/// Those of `deny.toml`.
const TARGETS: [&str; 3] = ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu", "aarch64-apple-darwin"];

/// Name, version and features of every crate that these kinds of dependencies bring, here or on these targets.
fn crates(kinds: &str, targets: &[&str]) -> BTreeMap<String, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "tree",
            "--locked",
            "--prefix",
            "none",
            "--no-dedupe",
            "--edges",
            kinds,
            "--format",
            "{p}\t{f}",
        ])
        .args(targets.iter().flat_map(|target| ["--target", target]))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().filter_map(|line| line.split_once('\t'));
    lines.map(|(package, features)| (package.to_owned(), features.to_owned())).collect()
}

#[test]
fn tests_want_no_features_that_the_program_is_built_without() {
    let (program, tests) = (crates("normal,build", &[]), crates("normal,build,dev", &[]));
    let differ: Vec<String> = program
        .iter()
        .filter(|(package, features)| tests.get(*package) != Some(features))
        .map(|(package, features)| format!("{package}: {features}, in tests {:?}", tests.get(package)))
        .collect();
    assert!(
        differ.is_empty(),
        "`make test` would compile these and all that needs them once more; name the features in [dependencies]:\n{}",
        differ.join("\n")
    );
}

/// `deny.toml` lists every crate that may be linked, so that a new one shows in a review.
#[test]
fn the_generated_list_of_deny_toml_names_every_dependency() {
    let shipped = crates("normal,build", &TARGETS);
    let names: BTreeSet<&str> =
        shipped.keys().filter_map(|package| Some(package.split_once(' ')?.0)).collect();
    let list: String =
        names.iter().filter(|n| **n != "csw").map(|n| format!("    {{ crate = \"{n}\" }},\n")).collect();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deny.toml");
    let text = std::fs::read_to_string(path).unwrap();
    let (before, rest) = text.split_once("allow = [\n    { crate").expect("deny.toml: no list of crates");
    let (_, after) = rest.split_once("\n]\n").unwrap();
    generated("deny.toml", &format!("{before}allow = [\n{list}]\n{after}"));
}
