//! Which cluster, and as whom.

use std::os::unix::fs::PermissionsExt as _;

use super::fake::Fake;
use super::space::config_map;
use crate::support::{Csw, Sandbox};

fn setup() -> (Sandbox, Fake) {
    let (sandbox, fake) = (Sandbox::new(), Fake::start(Vec::new()));
    sandbox.write("kubeconfig", fake.kubeconfig("{token: my-token}"));
    sandbox.write("a.yaml", config_map("a", "1"));
    (sandbox, fake)
}

fn apply(sandbox: &Sandbox, more: &[&str]) -> Csw {
    sandbox.csw([&["cluster", "apply", "-f", "a.yaml"], more].concat())
}

fn header(fake: &Fake, name: &str) -> Vec<String> {
    let seen = fake.seen();
    let last = seen.last().unwrap();
    last.headers.get_all(name).iter().map(|v| v.to_str().unwrap().to_owned()).collect()
}

#[test]
fn several_kubeconfigs_are_one() {
    let (sandbox, fake) = setup();
    // Cluster and user in one file, the contexts in others; a file that isn't there is passed over.
    let whole = fake.kubeconfig("{token: my-token}");
    let (rest, _) = whole.split_once("contexts:").unwrap();
    let first = sandbox.write("first", rest.replace("current-context: fake\n", ""));
    let second = sandbox.write(
        "second",
        "apiVersion: v1\nkind: Config\ncurrent-context: two\ncontexts: [{name: two, context: {cluster: fake, user: me, namespace: there}}]\n",
    );
    let list = std::env::join_paths([first, sandbox.work().join("missing"), second]).unwrap();
    let output = apply(&sandbox, &[]).env("KUBECONFIG", &list).output();
    assert_eq!(output.code, 0, "{}", output.stderr);
    assert!(fake.seen().last().unwrap().uri.contains("/namespaces/csw/"));
    assert_eq!(header(&fake, "authorization"), ["Bearer my-token"]);

    let unknown = apply(&sandbox, &["--context", "three"]).env("KUBECONFIG", &list).output();
    assert_eq!(unknown.code, 1);
    assert!(unknown.stderr.contains("no context `three`; it has two"), "{}", unknown.stderr);
}

#[test]
fn a_context_that_is_not_allowed_is_not_touched() {
    let (sandbox, fake) = setup();
    sandbox.write("csw.yaml", "allowed_contexts: [staging, production]\n");
    let output = apply(&sandbox, &["--kubeconfig", "kubeconfig"]).output();
    assert_eq!(output.code, 1);
    assert!(
        output.stderr.contains("`fake` is not among the allowed contexts (staging, production)"),
        "{}",
        output.stderr
    );
    assert_eq!(fake.seen().len(), 0);
    sandbox.write("csw.yaml", "allowed_contexts: [fake]\n");
    let output = apply(&sandbox, &["--kubeconfig", "kubeconfig"]).output();
    assert_eq!(output.code, 0, "{}", output.stderr);
}

#[test]
fn one_acts_as_another() {
    let (sandbox, fake) = setup();
    let args = [
        "--kubeconfig",
        "kubeconfig",
        "--as",
        "jane",
        "--as-group",
        "devs",
        "--as-group",
        "ops",
        "--namespace",
        "n",
    ];
    assert_eq!(apply(&sandbox, &args).output().code, 0);
    assert_eq!(header(&fake, "impersonate-user"), ["jane"]);
    assert_eq!(header(&fake, "impersonate-group"), ["devs", "ops"]);
    assert!(fake.seen().last().unwrap().uri.contains("/namespaces/n/"));
}

#[test]
fn an_exec_plugin_gives_the_token() {
    let (sandbox, fake) = setup();
    let plugin = sandbox.write(
        "plugin",
        "#!/bin/sh\necho '{\"apiVersion\": \"client.authentication.k8s.io/v1\", \"kind\": \"ExecCredential\", \"status\": {\"token\": \"from-plugin\"}}'\n",
    );
    std::fs::set_permissions(&plugin, std::fs::Permissions::from_mode(0o755)).unwrap();
    let user = format!(
        "{{exec: {{apiVersion: client.authentication.k8s.io/v1, command: \"{}\", interactiveMode: Never}}}}",
        plugin.display()
    );
    sandbox.write("kubeconfig", fake.kubeconfig(&user));
    let output = apply(&sandbox, &["--kubeconfig", "kubeconfig"]).output();
    assert_eq!(output.code, 0, "{}", output.stderr);
    assert_eq!(header(&fake, "authorization"), ["Bearer from-plugin"]);

    std::fs::write(&plugin, "#!/bin/sh\necho 'log in first' >&2\nexit 1\n").unwrap();
    let output = apply(&sandbox, &["--kubeconfig", "kubeconfig"]).output();
    assert_eq!(output.code, 4);
    assert!(output.stderr.contains("cannot log in"), "{}", output.stderr);
}

#[test]
fn no_cluster_and_no_server_are_told_apart() {
    let (sandbox, _fake) = setup();
    let nothing = apply(&sandbox, &[]).output();
    assert_eq!(nothing.code, 1);
    assert!(nothing.stderr.contains("there is no kubeconfig"), "{}", nothing.stderr);
    assert!(nothing.stderr.contains("--kubeconfig FILE"), "{}", nothing.stderr);

    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let gone = Fake { url: format!("http://{port}"), ..Fake::default() };
    sandbox.write("gone", gone.kubeconfig("{token: t}"));
    for verb in [&["apply", "-f", "a.yaml"][..], &["status"], &["doctor"]] {
        let output = sandbox.csw([&["cluster"], verb, &["--kubeconfig", "gone"]].concat()).output();
        assert_eq!(output.code, 4, "{}", output.stderr);
        let said = output.stderr + &output.stdout;
        assert!(said.contains(&format!("cannot reach the cluster at http://{port}")), "{said}");
    }
}
