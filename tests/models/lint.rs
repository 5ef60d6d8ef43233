//! A folder of files that are wrong in every way there is: each mistake is told with its place.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{Sandbox, generated};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn files_below(folder: &Path, found: &mut BTreeSet<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_below(&path, found);
        } else {
            found.insert(path);
        }
    }
}

/// A sandbox whose `config` is the folder of broken files.
fn broken() -> (Sandbox, BTreeSet<PathBuf>) {
    let sandbox = Sandbox::new();
    let from = fixtures().join("broken");
    let mut files = BTreeSet::new();
    files_below(&from, &mut files);
    let files: BTreeSet<PathBuf> = files.iter().map(|f| f.strip_prefix(&from).unwrap().to_owned()).collect();
    for file in &files {
        sandbox.write(&format!("config/{}", file.display()), fs::read(from.join(file)).unwrap());
    }
    (sandbox, files)
}

/// The full report is `tests/fixtures/broken.txt`, an entry for each way of being wrong. After `make regenerate`, read
/// the difference.
#[test]
fn the_generated_report_tells_every_mistake_of_every_file_with_its_place() {
    let (sandbox, files) = broken();
    assert!(files.len() >= 40, "{}", files.len());
    let output = sandbox.csw(["models", "lint"]).output();
    assert_eq!((output.code, output.stdout.as_str()), (1, ""));
    generated("tests/fixtures/broken.txt", &output.stderr);
    assert!(!output.stderr.contains("hunter2") && !output.stderr.contains('\u{1b}'), "{}", output.stderr);
    for file in files {
        let shown = format!("[config/{}:", file.display());
        assert!(output.stderr.contains(&shown), "nothing was said about {}", file.display());
    }
}

#[test]
fn scripts_get_the_same_as_data() {
    let (sandbox, _) = broken();
    let output = sandbox.csw(["models", "lint", "-o", "json"]).output();
    assert_eq!((output.code, output.stderr.as_str()), (1, ""));
    let found: Vec<Value> = serde_json::from_str(&output.stdout).unwrap();
    let place = |d: &Value| format!("{}:{}:{}", d["file"].as_str().unwrap(), d["line"], d["column"]);
    let typo = found.iter().find(|d| d["message"] == "unknown key `one_liner`").unwrap();
    assert_eq!(place(typo), "config/Broken/UnknownKey.yaml:4:1");
    assert_eq!(typo["severity"], "error");
    assert_eq!(typo["code"], "unknown-key");
    assert_eq!(typo["help"], "did you mean `oneliner`?");
    let codes: BTreeSet<&str> = found.iter().map(|d| d["code"].as_str().unwrap()).collect();
    let all = [
        "conflict",
        "duplicate-key",
        "empty",
        "encoding",
        "invalid-value",
        "misplaced",
        "missing-key",
        "name-collision",
        "secret-value",
        "syntax",
        "unknown-key",
        "wrong-type",
    ];
    assert_eq!(codes, BTreeSet::from(all));
    let text = fs::read_to_string(fixtures().join("broken.txt")).unwrap();
    let count = format!("{} problems in ", found.len());
    assert!(text.lines().last().unwrap().starts_with(&count), "{count}");
    let mut sorted = found.clone();
    sorted
        .sort_by_key(|d| (d["file"].as_str().unwrap().to_owned(), d["line"].as_u64(), d["column"].as_u64()));
    assert_eq!(sorted, found);
}

#[test]
fn files_and_folders_can_be_named() {
    let (sandbox, _) = broken();
    let output = sandbox.csw(["models", "lint", "config/Broken/LimitBelowRequest.yaml"]).output();
    insta::assert_snapshot!(output.stderr, @r"
      error: the cpu limit (1500m) is below the cpu request (2)
       ,-[config/Broken/LimitBelowRequest.yaml:7:10]
     5 |   requests: {cpu: 2, memory: 7G}
       :                   |
       :                   `-- request
     6 |   limits:
     7 |     cpu: 1500m
       :          ^^^^^
       `----

      error: the memory limit (6G) is below the memory request (7G)
       ,-[config/Broken/LimitBelowRequest.yaml:8:13]
     5 |   requests: {cpu: 2, memory: 7G}
       :                              ^|
       :                               `-- request
     6 |   limits:
     7 |     cpu: 1500m
     8 |     memory: 6G
       :             ^^
       `----

    2 problems in 1 file
    ");
    // Also from elsewhere, by another path, and where no configuration's folder is.
    let there =
        sandbox.csw(["models", "lint", "LimitBelowRequest.yaml"]).dir(sandbox.work().join("config/Broken"));
    assert!(there.output().stderr.contains("[LimitBelowRequest.yaml:7:10]"));
    let folder = sandbox.csw(["models", "lint", "config/Other"]).output();
    assert!(folder.stderr.ends_with("1 problem in 1 file\n"), "{}", folder.stderr);
    let nowhere = sandbox.csw(["models", "lint", "nowhere.yaml"]).output();
    assert_eq!(nowhere.code, 1);
    assert!(nowhere.stderr.contains("nowhere.yaml: No such file"), "{}", nowhere.stderr);
}

#[test]
fn a_flat_folder_of_models_can_be_checked() {
    let sandbox = Sandbox::new();
    sandbox.write("drafts/a.yaml", "owner: A\ntitle: One\ntimestamp: 2020-10-29 09:29\nreplica: 2\n");
    sandbox.write("drafts/b.yaml", "owner: A\ntitle: Two\ntimestamp: 2020-10-29 09:29\n");
    let output = sandbox.csw(["models", "lint", "drafts"]).output();
    assert_eq!(output.code, 1);
    insta::assert_snapshot!(output.stderr, @r"
      error: unknown key `replica`
       ,-[drafts/a.yaml:4:1]
     4 | replica: 2
       : ^^^^^^^
       `----
      help: did you mean `replicas`?

    1 problem in 1 file
    ");
    let output = sandbox.csw(["models", "lint", "drafts/b.yaml"]).output();
    assert_eq!((output.code, output.stderr.as_str()), (0, "No problems in 1 model\n"));
}

#[test]
fn one_model_is_checked_by_its_name() {
    let (sandbox, _) = broken();
    let output = sandbox.csw(["models", "-n", "broken/badrepotag", "lint"]).output();
    assert_eq!(output.code, 1);
    assert!(output.stderr.contains("[config/Broken/BadRepoTag.yaml:4:11]"), "{}", output.stderr);
    assert!(output.stderr.ends_with("1 problem in 1 file\n"), "{}", output.stderr);
    let both = sandbox.csw(["models", "-n", "a/b", "lint", "x.yaml"]).output();
    assert_eq!(both.code, 2);
}

#[test]
fn colour_and_lines_are_for_terminals_that_have_them() {
    let (sandbox, _) = broken();
    let lint = || sandbox.csw(["models", "lint", "config/Broken/BadRepoTag.yaml", "--color", "always"]);
    let output = lint().env("LANG", "en_US.UTF-8").output();
    assert!(output.stderr.contains("\u{1b}[31merror:"), "{}", output.stderr);
    assert!(output.stderr.contains('╭'), "{}", output.stderr);
    assert!(!lint().env("LC_ALL", "C").output().stderr.contains('╭'));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(512))]
    /// Whatever a file holds, it is either right or something is said about it, and that can be shown.
    #[test]
    fn no_text_makes_the_check_panic(
        lines in proptest::collection::vec(proptest::sample::select(vec![
            "owner: A", "title: B", "timestamp: 2020-10-29", "timestamp: [", "repo_url: ./x", "repo_url: git@h:", "entry:",
            "  python: {}", "  command: [sh]", "cluster_type: dask", "replicas: 18446744073709551616", "resources:",
            "  limits: {cpu: 1e30, memory: .e1}", "  requests: *a", "env: &a {A: b}", "secrets: *a", "secrets: [A, 'é']",
            "<<: *a", "sim_time_limit: 1e400", "exp_task_time: -0", "affinity: {size: }", "- owner: A", "\t", "---", "? [",
            "description: |", "  é\u{1b}[31m", "# x", "\u{feff}",
        ]), 0..16)
    ) {
        let text = lines.join("\n");
        if let Err(e) = csw::config::check_model_file(Path::new("/p/config/A/B.yaml"), &text, Path::new("/p/config")) {
            let csw::config::ConfigError::Invalid(found) = e else { panic!("{e}") };
            const ESCAPE: char = '\u{1b}';
            let style = csw::config::ReportStyle { color: false, unicode: false };
            proptest::prop_assert!(!found.is_empty());
            let shown = found.render(style);
            proptest::prop_assert!(!shown.contains(ESCAPE));
        }
    }
}
