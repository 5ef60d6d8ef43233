//! `svc config`, `models config`, `svc templates export`, as people run them.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::support::{Csw, Sandbox};

fn project() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("csw.yaml", "project: my-project\nbucket: gs://my-bucket\ntag: v1\n");
    for (title, more) in [
        ("Alpha", "cluster_type: dask\n"),
        ("Beta", "network: {internet: true}\ninputs_server: {replicas: 0}\n"),
    ] {
        let text = format!(
            "owner: Me\ntitle: {title}\ntimestamp: \"2026-01-31\"\nrepo_url: https://localhost/x\n{more}"
        );
        sandbox.write(&format!("config/Me/{title}.yaml"), text);
    }
    sandbox
}

fn documents(text: &str) -> Vec<serde_json::Value> {
    assert!(text.starts_with("---\napiVersion: "), "{text}");
    serde_saphyr::from_multiple(text).unwrap()
}

fn svc(sandbox: &Sandbox, args: &[&str]) -> Csw {
    sandbox.csw([&["svc", "config"], args].concat())
}

#[test]
fn services_are_rendered_to_stdout_and_passwords_are_kept() {
    let sandbox = project();
    let output = svc(&sandbox, &[]).output();
    assert_eq!(output.code, 0, "{}", output.stderr);
    assert!(output.stderr.contains("generated 5 passwords"), "{}", output.stderr);
    let objects = documents(&output.stdout);
    assert_eq!(objects[0]["kind"], "Namespace");
    // The same passwords from now on, of at least 32 characters.
    let again = svc(&sandbox, &["-o", "-"]).output();
    assert_eq!((again.stdout.as_str(), again.stderr.as_str()), (output.stdout.as_str(), ""));
    let password = sandbox.csw(["svc", "secrets", "get", "REDIS_SCHEDULER_PW"]).ok();
    assert!(password.trim_end().len() >= 32);
    assert!(!output.stdout.contains(password.trim_end()), "Secrets hold base64, nothing else holds it");
    // A password that is there already is used.
    sandbox.csw(["svc", "secrets", "set", "REDIS_EXECUTOR_PW", "x".repeat(32).as_str()]).ok();
    use base64::Engine as _;
    let encoded = base64::engine::general_purpose::STANDARD.encode("x".repeat(32));
    assert!(svc(&sandbox, &[]).ok().contains(&encoded));
}

#[test]
fn whatever_is_missing_is_told_at_once_and_nothing_is_written_or_kept() {
    let sandbox = Sandbox::new();
    let output = svc(&sandbox, &["--cs-url", "http://localhost/"]).output();
    assert_eq!((output.code, output.stdout.as_str()), (1, ""));
    for what in ["3 values are missing", "PROJECT", "BUCKET", "CS_API_TOKEN"] {
        assert!(output.stderr.contains(what), "{what}: {}", output.stderr);
    }
    for arguments in [
        &["--project", "My Project", "--bucket", "gs://b"][..],
        &["--project", "p", "--bucket", "gs://b", "--tag", "a b"],
        &["--project", "p", "--bucket", "file:///etc"],
        &["--project", "p", "--bucket", "gs://b", "--namespace", "csw"],
    ] {
        if arguments.contains(&"--namespace") {
            sandbox.write("templates/services/redis.yaml", "a: {{ nope }}\n");
        }
        let output = svc(&sandbox, arguments).output();
        assert_eq!((output.code, output.stdout.as_str()), (1, ""), "{arguments:?}");
    }
    let output = svc(&sandbox, &["--kube-version", "1.19"]).output();
    assert_eq!((output.code, output.stdout.as_str()), (2, ""));
    assert!(output.stderr.contains("expected 1.20 to 1.36"), "{}", output.stderr);
    assert_eq!(sandbox.csw(["svc", "secrets", "list", "-o", "name"]).ok(), "");
}

#[test]
fn models_are_rendered_in_install_order_with_their_secrets() {
    let sandbox = project();
    sandbox.csw(["models", "-n", "Me/Alpha", "secrets", "set", "API_KEY", "hunter2"]).ok();
    let output = sandbox.csw(["models", "config", "--namespace", "staging"]).output();
    assert_eq!((output.code, output.stderr.as_str()), (0, ""));
    let objects = documents(&output.stdout);
    assert!(objects.iter().all(|o| o["metadata"]["namespace"] == "staging"));
    assert!(output.stdout.contains("aHVudGVyMg==") && !output.stdout.contains("hunter2"));
    let kinds: Vec<&str> = objects.iter().map(|o| o["kind"].as_str().unwrap()).collect();
    let mut order = vec!["NetworkPolicy", "ServiceAccount", "Secret", "ConfigMap", "Service", "Deployment"];
    let mut seen = kinds.clone();
    seen.dedup();
    assert_eq!(seen, order);
    // One model alone, whatever the case of its name.
    let alone = documents(&sandbox.csw(["models", "-n", "me/beta", "config"]).ok());
    assert_eq!(alone.len(), 5);
    order.clear();
    // A secret that a model names and nobody has set.
    sandbox.write(
        "config/Me/Beta.yaml",
        "owner: Me\ntitle: Beta\ntimestamp: \"2026-01-31\"\nsecrets: [TOKEN]\n",
    );
    let output = sandbox.csw(["models", "config"]).output();
    assert_eq!((output.code, output.stdout.as_str()), (1, ""));
    assert!(output.stderr.contains("Me/Beta: its secret `TOKEN` has no value"), "{}", output.stderr);
    // A broken file: the others alone would be taken for all.
    sandbox.write("config/Me/Beta.yaml", "owner: Me\ntitle: Beta\nnetwork: {internet: perhaps}\n");
    let output = sandbox.csw(["models", "config"]).output();
    assert_eq!((output.code, output.stdout.as_str()), (1, ""));
    assert!(
        output.stderr.contains("network.internet") && output.stderr.contains("timestamp"),
        "{}",
        output.stderr
    );
}

#[test]
fn a_folder_holds_one_file_an_object_and_follows_what_is_rendered() {
    let sandbox = project();
    let names = || -> BTreeSet<String> {
        let files = fs::read_dir(sandbox.work().join("out")).unwrap();
        files.map(|f| f.unwrap().file_name().into_string().unwrap()).filter(|f| !f.starts_with('.')).collect()
    };
    svc(&sandbox, &["-o", "out"]).ok();
    let services = names();
    assert!(services.contains("21-deployment-scheduler.yaml"), "{services:?}");
    // Secrets are in there.
    let secret = sandbox.work().join("out/11-secret-worker-secret.yaml");
    assert_eq!(fs::metadata(secret).unwrap().permissions().mode() & 0o777, 0o600);
    sandbox.write("out/kustomization.yaml", "mine: true\n");
    sandbox.csw(["models", "config", "-o", "out"]).ok();
    let all = names();
    assert!(all.is_superset(&services) && all.iter().any(|f| f.contains("me-alpha-dask")));
    // What a model has no more goes; other models, services and other people's files stay.
    sandbox.write("config/Me/Alpha.yaml", "owner: Me\ntitle: Alpha\ntimestamp: \"2026-01-31\"\n");
    let output = sandbox.csw(["models", "-n", "Me/Alpha", "config", "-o", "out"]).output();
    assert!(output.stderr.contains("5 of earlier runs removed"), "{}", output.stderr);
    assert!(!names().iter().any(|f| f.contains("me-alpha-dask")));
    assert!(names().iter().any(|f| f.contains("me-beta")) && names().is_superset(&services));
    // A model that is gone.
    fs::remove_file(sandbox.work().join("config/Me/Beta.yaml")).unwrap();
    sandbox.csw(["models", "config", "-o", "out"]).ok();
    assert!(!names().iter().any(|f| f.contains("me-beta")) && names().contains("kustomization.yaml"));
    // A run that fails changes nothing.
    let before = names();
    sandbox.write("config/Me/Alpha.yaml", "owner: Me\n");
    assert_eq!(sandbox.csw(["models", "config", "-o", "out"]).output().code, 1);
    assert_eq!(names(), before);
    // An index that leads out of the folder is refused.
    sandbox.write("keep.yaml", "mine: true\n");
    sandbox.write("out/.csw-files", "services\t../keep.yaml\n");
    let output = svc(&sandbox, &["-o", "out"]).output();
    assert_eq!(output.code, 1);
    assert!(
        sandbox.work().join("keep.yaml").exists() && output.stderr.contains(".csw-files:1"),
        "{}",
        output.stderr
    );
}

/// Every command that fills a folder.
#[test]
fn a_folder_with_other_peoples_files_is_refused_and_nothing_is_written() {
    let sandbox = project();
    let svc = ["svc", "config", "-o", "full"];
    let commands: [&[&str]; 4] = [
        &svc,
        &["models", "config", "-o", "full"],
        &["svc", "templates", "export", "full"],
        &["man", "full"],
    ];
    for command in commands {
        sandbox.write("full/src/main.rs", "mine");
        let output = sandbox.csw(command).output();
        assert_eq!((output.code, output.stdout.as_str()), (1, ""), "{command:?}: {}", output.stderr);
        assert!(
            output.stderr.contains("full is not empty") && output.stderr.contains("it holds src"),
            "{}",
            output.stderr
        );
        assert!(output.stderr.contains("--force"), "{}", output.stderr);
        assert_eq!(fs::read_dir(sandbox.work().join("full")).unwrap().count(), 1, "{command:?}");
        let forced = sandbox.csw(command.iter().chain(&["--force"])).output();
        assert_eq!(forced.code, 0, "{command:?}: {}", forced.stderr);
        assert!(fs::read_dir(sandbox.work().join("full")).unwrap().count() > 1, "{command:?}");
        assert_eq!(sandbox.read("full/src/main.rs"), "mine", "{command:?}");
        // Again, over its own.
        if command[1] != "templates" && command[0] != "man" {
            assert_eq!(sandbox.csw(command).output().code, 0, "{command:?}");
        }
        fs::remove_dir_all(sandbox.work().join("full")).unwrap();
    }
    // A name that csw would give to one of its own files.
    sandbox.csw(svc).ok();
    let name = "full/21-deployment-scheduler.yaml";
    let index = sandbox.read("full/.csw-files").replace("services\t21-deployment-scheduler.yaml\n", "");
    sandbox.write("full/.csw-files", index);
    sandbox.write(name, "mine");
    let output = sandbox.csw(svc).output();
    assert!(output.code == 1 && output.stderr.contains("it holds 21-deployment"), "{}", output.stderr);
    assert_eq!(sandbox.read(name), "mine");
}

#[test]
fn templates_are_exported_changed_and_used() {
    let sandbox = project();
    sandbox.csw(["svc", "templates", "export"]).ok();
    let exported = sandbox.read("templates/services/worker-secret.yaml");
    let plain = svc(&sandbox, &[]).ok();
    sandbox.write(
        "templates/services/worker-secret.yaml",
        exported.replace("type: Opaque", "type: mine/secret"),
    );
    let changed = svc(&sandbox, &[]).ok();
    assert_eq!(changed.replace("type: mine/secret", "type: Opaque"), plain);
    assert_ne!(changed, plain);
    let output = sandbox.csw(["svc", "templates", "export"]).output();
    assert_eq!(output.code, 1);
    assert!(output.stderr.contains("--force"), "{}", output.stderr);
    sandbox.csw(["svc", "templates", "export", "--force"]).ok();
    assert_eq!(sandbox.read("templates/services/worker-secret.yaml"), exported);
    sandbox.write("templates/services/redsi.yaml", "");
    let output = svc(&sandbox, &[]).output();
    assert_eq!((output.code, output.stdout.as_str()), (1, ""));
    assert!(output.stderr.contains("did you mean services/redis.yaml?"), "{}", output.stderr);
}

#[test]
fn the_layout_comes_from_csw_yaml() {
    let sandbox = project();
    let section = "project: p\nbucket: file:///outputs\nnamespace: lab\nkubernetes:\n  create_namespace: false\n  kueue_queue: sims\n  \
                   quota: {limits.memory: 10Gi}\n  node_selectors: {services: {csw.test/api: \"true\"}}\n  network: {policies: false}\n  \
                   redis: {size: 1Gi, storage_class: fast}\n";
    sandbox.write("csw.yaml", section);
    let text = svc(&sandbox, &[]).ok();
    let objects = documents(&text);
    assert!(!objects.iter().any(|o| o["kind"] == "Namespace" || o["kind"] == "NetworkPolicy"));
    assert!(
        objects.iter().any(|o| o["kind"] == "ResourceQuota" && o["spec"]["hard"]["limits.memory"] == "10Gi")
    );
    assert!(
        objects.iter().any(|o| o["kind"] == "PersistentVolumeClaim" && o["metadata"]["name"] == "outputs")
    );
    assert!(text.contains("csw.test/api: \"true\"") && text.contains("storageClassName: fast"));
    assert!(sandbox.csw(["models", "config"]).ok().contains("kueue.x-k8s.io/queue-name: sims"));
    let output = sandbox.csw(["models", "config", "--kube-version", "1.20"]).output();
    assert_eq!((output.code, output.stdout.as_str()), (1, ""));
    assert!(output.stderr.contains("Kueue"), "{}", output.stderr);
    // Every mistake, with its place.
    sandbox.write(
        "csw.yaml",
        "kubernetes:\n  quotas: {}\n  replicas: {scheduler: many}\n  network: {dns_cidrs: [10.0.0.0/33]}\n  jobs: {cleanup_schedule: often}\n",
    );
    let output = sandbox.csw(["cluster", "info"]).output();
    assert_eq!(output.code, 1);
    for what in ["quota", "replicas.scheduler", "csw.yaml:2:", "csw.yaml:3:", "csw.yaml:4:", "csw.yaml:5:"] {
        assert!(output.stderr.contains(what), "{what}: {}", output.stderr);
    }
}

#[test]
fn the_release_comes_from_flag_variable_or_file() {
    let sandbox = project();
    let beta = |csw: Csw| csw.ok().contains("batch/v1beta1");
    assert!(!beta(svc(&sandbox, &[])));
    assert!(beta(svc(&sandbox, &[]).env("CSW_KUBE_VERSION", "1.20")));
    sandbox.write("csw.yaml", "project: p\nbucket: gs://b\ntag: v1\nkube_version: 1.20\n");
    assert!(beta(svc(&sandbox, &[])));
    assert!(!beta(svc(&sandbox, &["--kube-version", "1.25"])));
    sandbox.write("csw.yaml", "project: p\nbucket: gs://b\ntag: v1\nkube_version: 1.2\n");
    let output = svc(&sandbox, &[]).output();
    assert_eq!((output.code, output.stdout.as_str()), (1, ""));
    assert!(output.stderr.contains("expected 1.20 to 1.36"), "{}", output.stderr);
}

#[test]
fn objects_are_written_in_every_format() {
    let sandbox = project();
    let stream = svc(&sandbox, &[]).ok();
    assert_eq!(svc(&sandbox, &["-o", "-"]).ok(), stream);
    assert_eq!(svc(&sandbox, &["-o", "yaml"]).ok(), stream);
    let list: serde_json::Value = serde_json::from_str(&svc(&sandbox, &["-o", "json"]).ok()).unwrap();
    assert_eq!((&list["apiVersion"], &list["kind"]), (&"v1".into(), &"List".into()));
    let items = list["items"].as_array().unwrap();
    assert_eq!(items.len(), stream.split("\n---\n").count());
    let names = svc(&sandbox, &["-o", "name"]).ok();
    assert!(
        names.contains("deployment.apps/scheduler\n") && names.contains("service/scheduler\n"),
        "{names}"
    );
    assert_eq!(names.lines().count(), items.len());
    assert!(svc(&sandbox, &["-o", "table"]).ok().starts_with("KIND "));
    let models = sandbox.csw(["models", "config", "-o", "name"]).ok();
    assert!(models.contains("deployment.apps/me-alpha-api-task\n"), "{models}");
    let list: serde_json::Value =
        serde_json::from_str(&sandbox.csw(["models", "config", "-o", "json"]).ok()).unwrap();
    assert_eq!(list["items"].as_array().unwrap().len(), models.lines().count());
}

#[test]
fn a_format_is_no_folder() {
    let sandbox = project();
    let before = || fs::read_dir(sandbox.work()).unwrap().count();
    let was = before();
    for word in ["json", "yaml", "name", "table"] {
        for command in [&["svc", "config"][..], &["services", "config"], &["models", "config"]] {
            assert_eq!(
                sandbox.csw(command.iter().chain(&["-o", word])).output().code,
                0,
                "{command:?} {word}"
            );
            for way in [["-o", "./"], ["-o", "a/"], ["--out", ""]] {
                let folder = format!("{}{word}", way[1]);
                let output = sandbox.csw(command.iter().chain(&[way[0], &folder])).output();
                assert_eq!((output.code, output.stdout.as_str()), (2, ""), "{command:?} {way:?} {word}");
                assert!(output.stderr.contains(&format!("-o {word}")), "{}", output.stderr);
            }
        }
        for command in [&["jobs", "run", "-n", "Me/Alpha"][..], &["jobs", "results", "a"], &["svc", "build"]]
        {
            assert_eq!(
                sandbox.csw(command.iter().chain(&["--out", word])).output().code,
                2,
                "{command:?} {word}"
            );
        }
    }
    assert_eq!(before(), was);
    // Said so that it can't be mistaken.
    svc(&sandbox, &["--out", "./json"]).ok();
    assert!(sandbox.work().join("json/21-deployment-scheduler.yaml").exists());
    assert_eq!(svc(&sandbox, &["-o", "json", "--out", "out"]).output().code, 2);
}
