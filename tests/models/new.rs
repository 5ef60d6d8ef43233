//! `csw models new` writes files that are right.

use serde_json::Value;

use crate::support::Sandbox;

#[test]
fn a_new_file_passes_the_check_and_brings_its_schema() {
    let sandbox = Sandbox::new();
    let output = sandbox.csw(["models", "new", "Me/My-Model"]).output();
    assert_eq!((output.code, output.stdout.as_str()), (0, "config/Me/My-Model.yaml\n"), "{}", output.stderr);
    assert_eq!(output.stderr, "Edit it, then check it with `csw models lint config/Me/My-Model.yaml`\n");
    let text = sandbox.read("config/Me/My-Model.yaml");
    assert!(text.starts_with("# yaml-language-server: $schema=../schema/model.schema.json\n"), "{text}");
    assert_eq!(sandbox.read("config/schema/model.schema.json"), csw::config::schema::MODEL_SCHEMA);
    assert_eq!(sandbox.csw(["models", "lint"]).output().stderr, "No problems in 1 model\n");
    let list: Vec<Value> = serde_json::from_str(&sandbox.csw(["models", "show", "-o", "json"]).ok()).unwrap();
    assert_eq!(list[0]["repo_url"], "https://github.com/Me/My-Model");
    // What it suggests in comments is right too.
    let uncommented: String = text
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(rest) if rest.split(':').next().is_some_and(|key| !key.contains(' ')) => format!("{rest}\n"),
            Some(rest) if rest.starts_with("  ") && !rest.contains("csw") => format!("{rest}\n"),
            _ => format!("{line}\n"),
        })
        .filter(|line| !line.starts_with("yaml-language-server"))
        .collect();
    sandbox.write("config/Me/My-Model.yaml", &uncommented);
    assert_eq!(sandbox.csw(["models", "lint"]).output().stderr, "No problems in 1 model\n", "{uncommented}");
    assert!(
        uncommented.contains("\n  BUILD_NUM: 0") && uncommented.contains("\nreplicas: 2"),
        "{uncommented}"
    );
}

#[test]
fn nothing_is_overwritten_unasked() {
    let sandbox = Sandbox::new();
    let path = "config/A/B.yaml";
    sandbox.write(path, "mine");
    let output = sandbox.csw(["models", "new", "A/B"]).output();
    assert_eq!((output.code, output.stdout.as_str()), (1, ""));
    assert!(
        output.stderr.contains("is there already") && output.stderr.contains("--force"),
        "{}",
        output.stderr
    );
    assert_eq!(sandbox.read(path), "mine");
    sandbox.csw(["models", "new", "A/B", "--force"]).ok();
    assert!(sandbox.read(path).contains("owner: \"A\""));
}

#[test]
fn a_name_that_is_taken_in_the_cluster_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.csw(["models", "new", "A/Tax-Brain"]).ok();
    let output = sandbox.csw(["models", "new", "a/TaxBrain"]).output();
    assert_eq!(output.code, 1);
    assert!(output.stderr.contains("A/Tax-Brain would get the same name in a cluster"), "{}", output.stderr);
}

#[test]
fn a_path_given_for_the_working_folder_is_right_in_the_file() {
    let sandbox = Sandbox::new();
    sandbox.write("models/b/cs-config/x", "");
    let models = sandbox.work().join("models");
    sandbox.csw(["models", "new", "A/B", "--repo-url", "./models/b"]).ok();
    assert!(sandbox.read("config/A/B.yaml").contains("repo_url: \"./models/b\""));
    let output = sandbox.csw(["models", "new", "A/C", "--repo-url", "./nowhere"]).dir(models).output();
    assert_eq!(output.code, 1);
    assert!(output.stderr.contains("cannot find ./nowhere"), "{}", output.stderr);
}

#[test]
fn names_and_urls_that_cannot_be_are_refused_before_anything_is_written() {
    let sandbox = Sandbox::new();
    assert_eq!(sandbox.csw(["models", "new", "My Model"]).output().code, 2);
    assert_eq!(sandbox.csw(["models", "new"]).output().code, 2);
    assert_eq!(sandbox.csw(["models", "-n", "A/B,C/D", "new"]).output().code, 2);
    let output = sandbox.csw(["models", "new", "A/B", "--repo-url", "ftp://x/y"]).output();
    assert_eq!(output.code, 1);
    assert!(output.stderr.contains("expected a scheme that git clones"), "{}", output.stderr);
    assert!(!sandbox.work().join("config").exists());
    // Names that YAML takes for other things stay what they are.
    sandbox.csw(["models", "new", "1.0/true"]).ok();
    assert_eq!(sandbox.csw(["models", "list", "-o", "name"]).ok(), "1.0/true\n");
}
