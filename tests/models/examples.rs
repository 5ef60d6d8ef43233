//! Where nothing is configured, the examples that csw brings can be looked at and run; nothing acts on them unasked.

use crate::support::{Sandbox, require};

#[test]
fn an_empty_folder_has_the_examples() {
    let sandbox = Sandbox::new();
    let output = sandbox.csw(["models", "list", "-o", "name"]).output();
    assert_eq!((output.code, output.stdout.as_str()), (0, "Examples/Epidemic\nExamples/Solow\n"));
    assert!(output.stderr.contains("csw models new OWNER/TITLE"), "{}", output.stderr);
    let shown = sandbox.csw(["models", "show", "-n", "Examples/Solow"]).ok();
    assert!(shown.contains("growth model"), "{shown}");
    assert!(!sandbox.work().join("config").exists(), "the working folder was written to");
}

#[test]
fn an_example_runs_from_an_empty_folder() {
    if !require("python3") {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.csw(["jobs", "run", "-n", "Examples/Solow", "--out", "results"]).ok();
    assert!(sandbox.work().join("results/renderable").read_dir().unwrap().count() > 0);
}

#[test]
fn no_command_acts_on_examples_that_are_not_named() {
    let sandbox = Sandbox::new();
    sandbox.write("csw.yaml", "project: p\nbucket: file:///outputs\n");
    let output = sandbox.csw(["models", "config"]).output();
    assert_eq!((output.code, output.stdout.as_str()), (1, ""));
    assert!(output.stderr.contains("there is no model"), "{}", output.stderr);
}

#[test]
fn a_folder_that_is_configured_hides_them() {
    let sandbox = Sandbox::new();
    sandbox.csw(["models", "new", "Me/Mine", "--repo-url", "https://git.example/me/mine"]).ok();
    assert_eq!(sandbox.csw(["models", "list", "-o", "name"]).ok(), "Me/Mine\n");
    let named = sandbox.csw(["models", "list", "-o", "name"]).env("CSW_CONFIG_DIR", "elsewhere").output();
    assert_eq!((named.code, named.stdout.as_str()), (0, ""), "{}", named.stderr);
}
