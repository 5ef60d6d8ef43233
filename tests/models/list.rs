//! What is configured is listed and shown, whatever else is broken.

use serde_json::Value;

use crate::support::Sandbox;

const SMALL: &str = "timestamp: 2020-10-29 09:29\nrepo_url: https://git.example/a/b\n";

fn project() -> Sandbox {
    let sandbox = Sandbox::new();
    for (owner, title) in [("PSLmodels", "Tax-Cruncher"), ("PSLmodels", "OG-USA"), ("Examples", "Solow")] {
        sandbox.write(
            &format!("config/{owner}/{title}.yaml"),
            format!("owner: {owner}\ntitle: {title}\n{SMALL}"),
        );
    }
    sandbox
}

#[test]
fn models_are_listed_in_every_format() {
    let sandbox = project();
    insta::assert_snapshot!(sandbox.csw(["models", "list"]).ok(), @r#"
    NAME                    CLUSTER      WORKERS  CPU  MEMORY  TIMESTAMP         SOURCE
    Examples/Solow          single-core  1        1    3G      2020-10-29 09:29  config/Examples/Solow.yaml
    PSLmodels/OG-USA        single-core  1        1    3G      2020-10-29 09:29  config/PSLmodels/OG-USA.yaml
    PSLmodels/Tax-Cruncher  single-core  1        1    3G      2020-10-29 09:29  config/PSLmodels/Tax-Cruncher.yaml
    "#);
    let names = "Examples/Solow\nPSLmodels/OG-USA\nPSLmodels/Tax-Cruncher\n";
    assert_eq!(sandbox.csw(["models", "list", "-o", "name"]).ok(), names);
    let list: Vec<Value> = serde_json::from_str(&sandbox.csw(["models", "list", "-o", "json"]).ok()).unwrap();
    assert_eq!(list[1]["name"], "PSLmodels/OG-USA");
    assert_eq!(list[1]["resources"]["limits"]["memory"], "3G");
    assert_eq!(list[1]["source"], "config/PSLmodels/OG-USA.yaml");
    let yaml = sandbox.csw(["models", "list", "-o", "yaml"]).ok();
    assert!(yaml.contains("repo_url: https://git.example/a/b"), "{yaml}");
}

#[test]
fn several_names_with_blanks_and_in_any_case_are_understood() {
    let sandbox = project();
    let names = sandbox.csw(["models", "-n", "pslmodels/og-usa, Examples/Solow", "list", "-o", "name"]).ok();
    assert_eq!(names, "PSLmodels/OG-USA\nExamples/Solow\n");
    let names =
        sandbox.csw(["models", "list", "-n", "Examples/Solow", "-n", "examples/solow", "-o", "name"]).ok();
    assert_eq!(names, "Examples/Solow\n");
    let output = sandbox.csw(["models", "-n", "PSLmodels/Tax-Crunher,a/b", "list"]).output();
    assert_eq!((output.code, output.stdout.as_str()), (1, ""));
    insta::assert_snapshot!(output.stderr, @r"
    error: no models `PSLmodels/Tax-Crunher`, `a/b` in config
      hint: did you mean `PSLmodels/Tax-Cruncher`?
    ");
}

#[test]
fn a_broken_file_hides_neither_itself_nor_the_others() {
    let sandbox = project();
    sandbox.write("config/PSLmodels/Broken.yaml", "owner: PSLmodels\ntitle: Broken\n");
    let output = sandbox.csw(["models", "list", "-o", "name"]).output();
    assert_eq!(output.code, 1);
    assert_eq!(output.stdout, "Examples/Solow\nPSLmodels/OG-USA\nPSLmodels/Tax-Cruncher\n");
    assert!(output.stderr.contains("`timestamp` is missing"), "{}", output.stderr);
    // Those that were asked for are right.
    let output = sandbox.csw(["models", "-n", "PSLmodels/OG-USA", "list", "-o", "name"]).output();
    assert_eq!((output.code, output.stderr.as_str()), (0, ""));
    let output = sandbox.csw(["models", "-n", "PSLmodels/broken", "show"]).output();
    assert_eq!((output.code, output.stdout.as_str()), (1, ""));
    assert!(output.stderr.contains("[config/PSLmodels/Broken.yaml:1:1]"), "{}", output.stderr);
}

#[test]
fn no_models_is_no_error_and_says_what_to_do() {
    let sandbox = Sandbox::new();
    std::fs::create_dir(sandbox.work().join("config")).unwrap();
    let text = sandbox.csw(["models", "list"]).ok();
    assert_eq!(text, "No models yet: write the first with `csw models new OWNER/TITLE`\n");
    assert_eq!(sandbox.csw(["models", "list", "-o", "json"]).ok(), "[]\n");
}

#[test]
fn the_original_list_file_is_a_source_too() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "config/models.yaml",
        "- owner: PSLmodels\n  title: OG-USA\n  repo_url: https://github.com/PSLmodels/OG-USA\n  branch: master\n  \
         cluster_type: dask\n  replicas: 2\n  sim_time_limit: 3600\n  resources:\n    requests:\n      memory: 7G\n      \
         cpu: 2\n    limits:\n      memory: 7G\n      cpu: 2\n  affinity:\n    size: large\n  env:\n    BUILD_NUM: 0\n  \
         secrets: {}\n",
    );
    insta::assert_snapshot!(sandbox.csw(["models", "show"]).ok(), @r#"
    KEY             VALUE
    name            PSLmodels/OG-USA
    oneliner        -
    timestamp       -
    repo_url        https://github.com/PSLmodels/OG-USA
    repo_tag        master
    latest_tag      -
    entry           python
    cluster_type    dask
    replicas        2
    requests        cpu 2, memory 7G
    limits          cpu 2, memory 7G
    sim_time_limit  3600 s
    max_jobs        -
    exp_task_time   -
    env             BUILD_NUM=0
    secrets         -
    affinity        {"size":"large"}
    listed          true
    skip_test       false
    test            -
    source          config/models.yaml:2
    "#);
}

#[test]
fn values_of_secrets_in_a_list_are_neither_used_nor_shown() {
    let sandbox = Sandbox::new();
    sandbox.write("config/models.yaml", "- owner: A\n  title: B\n  secrets: {TOKEN: hunter2}\n");
    let output = sandbox.csw(["models", "list", "-o", "json"]).output();
    assert_eq!(output.code, 0);
    let list: Vec<Value> = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(list[0]["secrets"], serde_json::json!(["TOKEN"]));
    assert!(output.stderr.contains("warning: the value of the secret `TOKEN`"), "{}", output.stderr);
    assert!(!format!("{}{}", output.stdout, output.stderr).contains("hunter2"));
}

#[test]
fn relative_repositories_start_above_the_configuration() {
    let sandbox = Sandbox::new();
    sandbox.write("config/A/B.yaml", "owner: A\ntitle: B\ntimestamp: 2020-10-29\nrepo_url: ./models/../b\n");
    let list: Vec<Value> = serde_json::from_str(&sandbox.csw(["models", "show", "-o", "json"]).ok()).unwrap();
    let path = sandbox.work().join("b");
    assert_eq!(list[0]["repo_url"], path.display().to_string());
}

/// A file that can't be used is told of by every command that would have acted on it.
#[test]
fn broken_files_are_never_passed_over_in_silence() {
    let sandbox = Sandbox::new();
    sandbox.write("csw.yaml", "project: p\nbucket: file:///outputs\n");
    sandbox.write("config/A/B.yaml", "owner: A\ntitle: B\ntimestamp: \"2026-01-01\"\nrepo_tag: a~1\n");
    for words in
        ["list", "show", "lint", "prepare", "config", "config --all", "build", "push", "push --all", "test"]
    {
        let output = sandbox.csw(["models"].into_iter().chain(words.split(' '))).output();
        assert_eq!(output.code, 1, "{words}: {}", output.stderr);
        let said = output.stdout + &output.stderr;
        assert!(said.contains("config/A/B.yaml:4:") && !said.contains("models new"), "{words}: {said}");
    }
}
