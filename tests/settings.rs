//! Settings, as `csw cluster info` tells them.

use serde_json::{Value, json};

use crate::support::{Csw, Sandbox};

/// Value, origin and source of a setting.
fn of(csw: Csw, key: &str) -> (Value, Value, Value) {
    let info: Value = serde_json::from_str(&csw.ok()).unwrap();
    let setting = &info["settings"][key];
    (setting["value"].clone(), setting["origin"].clone(), setting["source"].clone())
}

#[test]
fn flags_count_more_than_environment_than_file_than_default() {
    let sandbox = Sandbox::new();
    let info = || sandbox.csw(["cluster", "info", "-o", "json"]);
    assert_eq!(of(info(), "registry"), (json!("gcr.io"), json!("default"), Value::Null));

    let file = sandbox.write("csw.yaml", "# ours\nregistry: r.example\ntag: from-file\n");
    let line = |n| json!(format!("{}:{n}", file.display()));
    assert_eq!(of(info(), "registry"), (json!("r.example"), json!("file"), line(2)));
    assert_eq!(of(info(), "tag"), (json!("from-file"), json!("file"), line(3)));
    let environment = (json!("from-env"), json!("environment"), json!("TAG"));
    assert_eq!(of(info().env("TAG", "from-env"), "tag"), environment);
    let flag = sandbox.csw(["--tag", "from-flag", "cluster", "info", "-o", "json"]).env("TAG", "from-env");
    assert_eq!(of(flag, "tag"), (json!("from-flag"), json!("flag"), json!("--tag")));
    // An empty variable says nothing.
    assert_eq!(of(info().env("TAG", ""), "tag").1, "file");
}

#[test]
fn the_names_of_1_6_are_read_from_each_origin() {
    let sandbox = Sandbox::new();
    let settings = [
        ("tag", "TAG", "--tag", "v1", "v1"),
        ("project", "PROJECT", "--project", "p", "p"),
        ("cs_url", "CS_URL", "--cs-url", "http://localhost:8000", "http://localhost:8000/"),
        ("cs_api_token", "CS_API_TOKEN", "--cs-api-token", "hunter2", "******"),
        ("bucket", "BUCKET", "--bucket", "gs://b", "gs://b"),
    ];
    for (key, variable, flag, given, shown) in settings {
        let info = |args: &[&str]| sandbox.csw(args.iter().chain(&["cluster", "info", "-o", "json"]));
        let shown = json!(shown);
        assert_eq!(
            of(info(&[]).env(variable, given), key),
            (shown.clone(), json!("environment"), json!(variable))
        );
        assert_eq!(of(info(&[flag, given]), key), (shown.clone(), json!("flag"), json!(flag)));
        let file = sandbox.write("cs-config.yaml", format!("OTHER: 1\n{variable}: {given}\n"));
        assert_eq!(of(info(&[]), key), (shown, json!("file"), json!(format!("{}:2", file.display()))));
        std::fs::remove_file(file).unwrap();
    }
}

#[test]
fn the_file_is_found_upwards_and_its_paths_start_at_it() {
    let sandbox = Sandbox::new();
    sandbox.write("csw.yaml", "config_dir: models\n");
    sandbox.write("cs-config.yaml", "TAG: ignored\n");
    sandbox.write("deep/er/file", "");
    let info = || sandbox.csw(["cluster", "info", "-o", "json"]).dir(sandbox.work().join("deep/er"));
    assert_eq!(of(info(), "config_dir").0, json!(sandbox.work().join("models")));
    assert_ne!(of(info(), "tag").0, "ignored");
    // A variable's paths start where the command runs.
    let variable = of(info().env("CSW_CONFIG_DIR", "here"), "config_dir");
    assert_eq!(variable.0, json!(sandbox.work().join("deep/er/here")));
}

#[test]
fn every_mistake_is_shown_with_its_place() {
    let sandbox = Sandbox::new();
    let text = "registri: x\nmax_jobs: 0\nscheduler_token: [hunter2]\nlisten: 8888\ntag: ok\ntag: twice\n";
    sandbox.write("csw.yaml", text);
    let output = sandbox.csw(["cluster", "info"]).env("CSW_GRACE_PERIOD", "soon").output();
    assert_eq!((output.code, output.stdout.as_str()), (1, ""));
    for part in [
        "error: environment CSW_GRACE_PERIOD: expected a time above zero, as in 30 or 2m, found `soon`\n",
        "unknown key `registri`",
        "csw.yaml:1:1",
        "did you mean `registry`?",
        "`max_jobs`: expected a whole number from 1 to 10000\n",
        "csw.yaml:2:11",
        "`scheduler_token`: expected one value, found a list",
        "`listen`: expected HOST:PORT, as in 127.0.0.1:8888, or :8888 for all addresses\n",
        "csw.yaml:4:9",
        "csw.yaml:6:1: a key is given twice",
        "5 problems in 1 file",
    ] {
        assert!(output.stderr.contains(part), "{part} in:\n{}", output.stderr);
    }
    assert!(!output.stderr.contains("hunter2"));
}

#[test]
fn an_empty_file_and_one_that_is_no_mapping() {
    let sandbox = Sandbox::new();
    for text in ["", "# nothing yet\n", "tag:\n"] {
        sandbox.write("csw.yaml", text);
        assert_eq!(of(sandbox.csw(["cluster", "info", "-o", "json"]), "tag").1, "default", "{text:?}");
    }
    for text in ["- tag\n", "tag: [\n", "tag\n"] {
        sandbox.write("csw.yaml", text);
        let output = sandbox.csw(["cluster", "info"]).output();
        assert_eq!((output.code, output.stdout.as_str()), (1, ""), "{text:?}");
        assert!(output.stderr.contains("csw.yaml"), "{}", output.stderr);
    }
    std::fs::write(sandbox.work().join("csw.yaml"), [0xff, 0xfe, b't']).unwrap();
    assert_eq!(sandbox.csw(["cluster", "info"]).output().code, 1);
}

#[test]
fn secrets_are_masked_everywhere() {
    let sandbox = Sandbox::new();
    for format in ["table", "json", "yaml", "name"] {
        let output = sandbox
            .csw(["cluster", "info", "-vvv", "-o", format, "--cs-url", "http://me:hunter2@localhost/"])
            .env("CS_API_TOKEN", "hunter2")
            .env("CSW_SCHEDULER_TOKEN", "hunter2")
            .output();
        assert_eq!(output.code, 0, "{}", output.stderr);
        assert!(
            !output.stdout.contains("hunter2") && !output.stderr.contains("hunter2"),
            "{}",
            output.stdout
        );
    }
}

#[test]
fn the_table_has_a_row_a_setting() {
    let table = Sandbox::new().csw(["cluster", "info"]).env("BUCKET", "gs://b").ok();
    assert!(table.starts_with("SETTING "), "{table}");
    assert_eq!(table.lines().count(), csw::settings::ROWS.len() + 1);
    let bucket = table.lines().find(|l| l.starts_with("bucket ")).unwrap();
    assert!(bucket.contains("gs://b") && bucket.ends_with("environment BUCKET"), "{bucket}");
}

#[test]
fn addresses_are_written_as_other_programs_take_them() {
    let sandbox = Sandbox::new();
    let listen = |text: &str| sandbox.csw(["cluster", "info", "-o", "json"]).env("CSW_LISTEN", text);
    let table = [
        (":8888", "0.0.0.0:8888"),
        ("*:8888", "0.0.0.0:8888"),
        ("localhost:8888", "127.0.0.1:8888"),
        ("LocalHost:0", "127.0.0.1:0"),
        ("[::1]:80", "[::1]:80"),
        ("10.0.0.1:80", "10.0.0.1:80"),
    ];
    for (text, shown) in table {
        assert_eq!(of(listen(text), "listen").0, json!(shown), "{text}");
    }
    for text in ["8888", ":", "localhost", ":99999", ":+80", "example.org:80", "http://127.0.0.1:80", ": 80"]
    {
        let output = listen(text).output();
        assert_eq!(output.code, 1, "{text}");
        let says = format!(
            "CSW_LISTEN: expected HOST:PORT, as in 127.0.0.1:8888, or :8888 for all addresses, found `{text}`"
        );
        assert!(output.stderr.contains(&says), "{}", output.stderr);
    }
}

#[test]
fn a_registry_with_a_scheme_or_a_slash_is_named_with_what_to_write() {
    let sandbox = Sandbox::new();
    let info = || sandbox.csw(["cluster", "info", "-o", "json"]);
    for text in ["gcr.io", "localhost:5000/team", "registry.example:443/a/b"] {
        assert_eq!(of(info().env("CSW_REGISTRY", text), "registry").0, json!(text));
    }
    for text in ["https://gcr.io", "gcr.io/", "oci://gcr.io/a", "docker://x", "/gcr.io", "gcr.io/a/"] {
        let output = info().env("CSW_REGISTRY", text).output();
        assert_eq!(output.code, 1, "{text}");
        let says =
            "CSW_REGISTRY: expected a registry without `https://` before it and without `/` at its end";
        assert!(output.stderr.contains(says) && output.stderr.contains(text), "{}", output.stderr);
        sandbox.write("csw.yaml", format!("registry: {text}\n"));
        let output = info().output();
        assert!(
            output.code == 1 && output.stderr.contains("`registry`: expected a registry"),
            "{}",
            output.stderr
        );
        std::fs::remove_file(sandbox.work().join("csw.yaml")).unwrap();
    }
}
