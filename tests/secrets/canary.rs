//! A secret in any file that is read, and the file broken in any way: no message holds it.

use std::error::Error;
use std::path::Path;

use csw::image::credentials::CredentialStore;
use csw::kube::Access;

use crate::support::{Output, Sandbox};

const CANARY: &str = "c4n4ry7";

/// What is shown of an error: the words, and those of its causes.
fn said(error: &(dyn Error + 'static)) -> String {
    let mut text = String::new();
    let mut at = Some(error);
    while let Some(error) = at {
        text += &format!("{error}\n");
        at = error.source();
    }
    text
}

/// The text in many broken forms: cut off, with a character less, and with one more that means something.
fn broken(text: &str, step: usize) -> Vec<String> {
    let mut all = Vec::new();
    let places: Vec<usize> = text.char_indices().map(|(at, _)| at).step_by(step).collect();
    for at in places {
        let (before, after) = text.split_at(at);
        all.push(before.to_owned());
        all.push(format!("{before}{}", after.get(after.chars().next().map_or(0, char::len_utf8)..).unwrap()));
        for sign in
            ["\"", "'", ":", ": ", "\n", "[", "}", "*", "&", "!", "\t", "#", "- ", "\\", "%", "\u{0}", "|"]
        {
            all.push(format!("{before}{sign}{after}"));
        }
    }
    // A part of a secret is one too.
    all.retain(|text| text.contains(&CANARY[..5]));
    all
}

fn holds_none(what: &str, text: &str, shown: &str) {
    assert!(!shown.contains(&CANARY[..5]), "{what}:\n{text}\nsays:\n{shown}");
}

#[tokio::test]
async fn no_kubeconfig_is_quoted() {
    let yaml = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts:\n- name: a\n  context: {{cluster: a, user: a}}\n\
         clusters:\n- name: a\n  cluster:\n    server: https://127.0.0.1:1\n    certificate-authority-data: {CANARY}\n\
         users:\n- name: a\n  user:\n    token: {CANARY}\n    client-key-data: {CANARY}\n    password: \"{CANARY}\"\n"
    );
    let json = format!(
        r#"{{"current-context": "a", "contexts": [{{"name": "a", "context": {{"cluster": "a", "user": "a"}}}}],
         "clusters": [{{"name": "a", "cluster": {{"server": "https://127.0.0.1:1"}}}}],
         "users": [{{"name": "a", "user": {{"token": "{CANARY}", "username": 1}}}}]}}"#
    );
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    let mut errors = 0;
    for text in broken(&yaml, 3).into_iter().chain(broken(&json, 3)).chain([yaml.clone(), json.clone()]) {
        std::fs::write(&path, &text).unwrap();
        let access = Access { kubeconfig: Some(path.clone()), ..Access::default() };
        if let Err(error) = access.connect().await {
            errors += 1;
            holds_none("kubeconfig", &text, &said(&error));
        }
    }
    assert!(errors > 500, "{errors}");
}

#[test]
fn no_manifest_is_quoted() {
    let yaml = format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: s\ndata:\n  password: {CANARY}\nstringData:\n  token: \"{CANARY}\"\n  key: |\n    {CANARY}\n"
    );
    let json = format!(
        "{{\"apiVersion\": \"v1\", \"kind\": \"Secret\", \"metadata\": {{\"name\": \"s\"}}, \"stringData\": {{\"password\": \"{CANARY}\"}}}}\n"
    );
    let two = format!("{json}{json}");
    let mut errors = 0;
    for text in broken(&yaml, 1).into_iter().chain(broken(&two, 2)) {
        if let Err(error) = csw::plan::parse_stream("f", &text) {
            errors += 1;
            // A key may be named: it is no value.
            holds_none(
                "manifest",
                &text,
                &said(&error).lines().filter(|l| !l.contains("has a `")).collect::<String>(),
            );
        }
    }
    assert!(errors > 500, "{errors}");
}

#[tokio::test]
async fn no_configuration_of_docker_is_quoted() {
    let text = format!(
        r#"{{"auths": {{"r.io": {{"auth": "{CANARY}", "password": "{CANARY}", "identitytoken": "{CANARY}"}}}}, "HttpHeaders": {{"x": "{CANARY}"}}}}"#
    );
    let folder = tempfile::tempdir().unwrap();
    let mut errors = 0;
    for text in broken(&text, 2) {
        std::fs::write(folder.path().join("config.json"), &text).unwrap();
        if let Err(error) = CredentialStore::at(folder.path()).get("r.io").await {
            errors += 1;
            holds_none("config.json", &text, &said(&error));
        }
    }
    assert!(errors > 100, "{errors}");
}

fn holds_none_of(what: &str, text: &str, output: &Output) {
    assert!(!output.stderr.contains("panicked"), "{what}: {text}\n{}", output.stderr);
    holds_none(what, text, &format!("{}\n{}", output.stdout, output.stderr));
}

#[test]
fn no_settings_are_quoted() {
    let sandbox = Sandbox::new();
    let text = format!(
        "tag: v1\ncs_api_token: {CANARY}\nscheduler_token: \"{CANARY}\"\nmax_jobs: 2\nkubernetes:\n  pull_secret: x\n"
    );
    let typed = [
        "cs_api_tokn",
        "cs-api-token",
        "cs_api_token ",
        "csapitoken",
        "max_jobs",
        "listen",
        "tokens",
        "grace_period",
    ];
    let typed = typed.map(|key| format!("tag: v1\n{key}: {CANARY}\nmax_jobs: 0\n"));
    let whole = [
        format!("{CANARY}\n"),
        format!("- {CANARY}\n"),
        format!("{CANARY}: x\n"),
        format!("cs_api_token {CANARY}\nmax_jobs: 1\n"),
    ];
    let mut errors = 0;
    for text in broken(&text, 9).into_iter().chain(typed).chain(whole) {
        sandbox.write("csw.yaml", &text);
        let output = sandbox.csw(["-vvv", "cluster", "info"]).output();
        // What is valid is shown as what it is.
        if output.code != 0 {
            errors += 1;
            holds_none_of("csw.yaml", &text, &output);
            assert!(output.stderr.contains("csw.yaml"), "{text}\n{}", output.stderr);
        }
    }
    assert!(errors > 20, "{errors}");
}

#[test]
fn no_secret_of_a_model_s_file_is_quoted() {
    for (text, what) in [
        ("secrets:\n  API_KEY: CANARY\n", "a value"),
        ("secrets: [API_KEY=CANARY]\n", "an assignment"),
        ("secrets: {API_KEY: CANARY\n", "no closing brace"),
        ("secrets: {\nAPI_KEY: CANARY,\n", "no closing brace, on lines of their own"),
        ("secrts:\n  API_KEY: CANARY\n", "a mistyped key"),
        ("secrts: {API_KEY: CANARY}\n", "a mistyped key of one line"),
        ("api_tokn: CANARY\n", "a mistyped token"),
        ("env:\n  API_TOKEN: [CANARY]\n", "a list"),
        ("env: {DB_PASSWORD: {x: CANARY}}\n", "a mapping"),
        ("env:\n  API_TOKEN: 'CANARY\n", "an open quote"),
        ("env:\n  API_TOKEN: CANARY: x\n", "a colon"),
        ("env:\n\tAPI_TOKEN: CANARY\n", "a tab"),
        ("repo_url: https://me:CANARY@host/x\n", "a password in the URL"),
    ] {
        let sandbox = Sandbox::new();
        let text = text.replace("CANARY", CANARY);
        sandbox.write(
            "config/Me/M.yaml",
            format!("owner: Me\ntitle: M\ntimestamp: \"2026-01-01 00:00\"\n{text}"),
        );
        for format in
            [&["models", "lint"][..], &["models", "lint", "-o", "json"], &["-vvv", "models", "list"]]
        {
            holds_none_of(what, &text, &sandbox.csw(format).output());
        }
    }
}

#[test]
fn no_file_of_secrets_or_inputs_is_quoted() {
    let sandbox = Sandbox::new();
    let home = sandbox.home();
    let run = |args: &[&str], what: &str, text: &str, env: &[(&str, &Path)]| {
        let mut csw = sandbox.csw(args);
        for (name, value) in env {
            csw = csw.env(name, value);
        }
        let output = csw.output();
        assert_ne!(output.code, 0, "{what}: {text}: {}", output.stdout);
        holds_none_of(what, text, &output);
    };
    for text in [
        format!("A='{CANARY}\n"),
        format!("A=\"{CANARY}\\n\"\n"),
        format!("A {CANARY}\n"),
        format!("{CANARY}\n"),
        format!("A=$ {CANARY}\n"),
        format!("A=x\n{CANARY} y=z\n"),
        format!("{{\"A\": {CANARY}}}"),
        format!("{{\"A\": \"{CANARY}"),
        format!("{{\"A\": [\"{CANARY}\"]}}"),
        format!("{{\"A\": {{\"{CANARY}\": 1}}}}"),
    ] {
        let file = sandbox.write("secrets.env", &text);
        run(&["-vvv", "secrets", "import", file.to_str().unwrap()], "import", &text, &[]);
    }
    for text in [
        format!("AGE-SECRET-KEY-1{CANARY}\n"),
        format!("{CANARY}\n"),
        format!("# x\n\n-----BEGIN AGE ENCRYPTED FILE-----\n{CANARY}\n"),
    ] {
        let file = sandbox.write("identity.txt", &text);
        run(
            &["-vvv", "secrets", "list"],
            "identity",
            &text,
            &[("CSW_IDENTITY", &file), ("CSW_SECRETS_FILE", &file)],
        );
        run(
            &["-vvv", "secrets", "set", "A"],
            "identity",
            &text,
            &[("CSW_IDENTITY", &file), ("CSW_SECRETS_FILE", &home.join("s"))],
        );
    }
    for text in [
        format!("{{\"adjustment\": {{\"token\": \"{CANARY}}}"),
        format!("{{\"adjustment\": \"{CANARY}\"}}"),
        format!("{{\"adjustment\": {{\"a\": {CANARY}}}}}"),
        format!("[\"{CANARY}\"]"),
        format!("\"{CANARY}\""),
        format!("{{\"id\": {{\"{CANARY}\": 1}}}}"),
        format!("{{\"id\": [\"{CANARY}\"]}}"),
    ] {
        let file = sandbox.write("inputs.json", text.clone() + "\n");
        let file = file.to_str().unwrap();
        run(&["-vvv", "jobs", "submit", "-n", "Examples/Solow", "--from", file], "--from", &text, &[]);
        if !text.contains("\"id\"") {
            run(&["-vvv", "jobs", "submit", "-n", "Examples/Solow", "--input", file], "--input", &text, &[]);
        }
    }
}
