//! The schemas say what csw says, as far as a schema can: editors show mistakes before csw does.

use std::fs;
use std::path::Path;

use boon::{Compiler, SchemaIndex, Schemas};
use csw::config::{self, schema};
use serde_json::Value;

struct Schema {
    schemas: Schemas,
    index: SchemaIndex,
}

impl Schema {
    fn new(schema: Value) -> Self {
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.add_resource("https://csw.example/schema.json", schema).unwrap();
        let index = compiler.compile("https://csw.example/schema.json", &mut schemas).unwrap();
        Self { schemas, index }
    }

    fn problems(&self, yaml: &str) -> Option<String> {
        let value: Value = serde_saphyr::from_str(yaml).unwrap();
        self.schemas.validate(&value, self.index).err().map(|e| e.to_string())
    }
}

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

#[test]
fn what_is_shipped_and_what_is_written_anew_passes() {
    let schema = Schema::new(schema::model_schema());
    for name in ["PSLmodels/Tax-Cruncher", "PSLmodels/OG-USA", "Examples/Solow", "Examples/Epidemic"] {
        let text = read(&format!("config/{name}.yaml"));
        assert!(text.starts_with("# yaml-language-server: $schema=../schema/model.schema.json\n"), "{name}");
        assert_eq!(schema.problems(&text), None, "{name}");
    }
    let timestamp = "2026-01-15 09:00".parse().unwrap();
    let text = config::model_template(&"1.0/true".parse().unwrap(), &timestamp, "./x", "model.schema.json");
    assert_eq!(schema.problems(&text), None);
}

#[test]
fn what_csw_takes_passes() {
    let schema = Schema::new(schema::model_schema());
    let head = "owner: A\ntitle: 1.10\ntimestamp: 2020-10-29 09:29\n";
    for text in [
        "",
        "oneliner: 1.10",
        "repo_tag: 1.10",
        "repo_url: git@host:a/b",
        "sim_time_limit: 90",
        "max_jobs: 3",
        "env: {BUILD_NUM: 0}",
        "resources: {limits: {cpu: 0.5, memory: 128974848}}",
        "secrets: {A: b}",
        "secrets: []",
        "entry: {command: [sh, run.sh]}\ntest: {example: example.json}",
        "test: {command: [make, test], app: {kind: dash, file: app.py}}",
        "description:",
    ] {
        let text = format!("{head}{text}\n");
        assert_eq!(schema.problems(&text), None, "{text}");
        if let Err(e) =
            config::check_model_file(Path::new("/p/config/A/1.10.yaml"), &text, Path::new("/p/config"))
        {
            assert!(text.contains("secrets: {A: b}"), "{e}");
        }
    }
}

#[test]
fn what_csw_refuses_is_refused() {
    let schema = Schema::new(schema::model_schema());
    for name in [
        "BadAffinity",
        "BadEnv",
        "BadInterpreter",
        "BadName",
        "BadQuantity",
        "BadReplicas",
        "BadRepoTag",
        "BadRepoUrl",
        "BadTest",
        "BadTimestamp",
        "EmptyCommand",
        "MissingKey",
        "NoEntry",
        "SecretTwice",
        "TwoEntries",
        "UnknownKey",
        "WrongType",
    ] {
        let text = read(&format!("tests/fixtures/broken/Broken/{name}.yaml"));
        assert!(schema.problems(&text).is_some(), "{name}");
    }
}

#[test]
fn a_list_has_a_schema_of_its_own() {
    let schema = Schema::new(schema::list_schema());
    assert_eq!(
        schema.problems("- {owner: A, title: B, branch: master, env: {BUILD_NUM: 0}, secrets: {}}\n"),
        None
    );
    assert!(schema.problems("- {owner: A}\n").is_some());
    assert!(schema.problems("{owner: A, title: B}\n").is_some());
}
