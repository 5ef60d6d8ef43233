//! What is offered for values: names that are known here and now, without a question, a word on stderr, or a wait.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use super::candidates as offered_by;
use crate::cluster::space::kubeconfig;
use crate::support::{Sandbox, on_each_cluster, require};

/// What is offered but for options, which are all there is where nothing else is known.
fn candidates(sandbox: &Sandbox, words: &[&str]) -> Vec<String> {
    let offered = offered_by(sandbox, words);
    let (options, values): (Vec<_>, Vec<_>) = offered.into_iter().partition(|word| word.starts_with("--"));
    assert!(options.is_empty() || values.is_empty(), "{words:?}: {values:?} among {options:?}");
    values
}

const KUBECONFIG: &str = r#"
apiVersion: v1
kind: Config
current-context: one
clusters: [{name: c, cluster: {server: "https://127.0.0.1:1"}}]
users:
- name: u
  user:
    exec: {apiVersion: client.authentication.k8s.io/v1, command: ./login, interactiveMode: IfAvailable}
contexts:
- {name: one, context: {cluster: c, user: u}}
- {name: other, context: {cluster: c, user: u}}
"#;

#[test]
fn contexts_are_those_of_the_kubeconfig_that_may_be_touched() {
    let sandbox = Sandbox::new();
    assert_eq!(candidates(&sandbox, &["csw", "cluster", "diff", "--context", ""]), [""; 0]);
    sandbox.write("kube.yaml", KUBECONFIG);
    let offered = |typed: &str| {
        candidates(&sandbox, &["csw", "cluster", "diff", "--kubeconfig", "kube.yaml", "--context", typed])
    };
    assert_eq!(offered(""), ["one", "other"]);
    assert_eq!(offered("ot"), ["other"]);
    sandbox.write("csw.yaml", "allowed_contexts: [one]\n");
    assert_eq!(offered(""), ["one"]);
    sandbox.write("kube.yaml", "contexts: [");
    assert_eq!(offered(""), [""; 0]);
}

on_each_cluster!(namespaces_are_those_of_the_cluster);

fn namespaces_are_those_of_the_cluster() {
    if !require("kubernetes") {
        return;
    }
    let sandbox = Sandbox::new();
    let file = kubeconfig();
    let offered =
        candidates(&sandbox, &["csw", "jobs", "list", "--kubeconfig", &file, "--namespace", "kube-sys"]);
    assert_eq!(offered, ["kube-system"]);
}

#[test]
fn programs_that_log_in_are_not_run_at_tab() {
    let sandbox = Sandbox::new();
    sandbox.write("kube.yaml", KUBECONFIG);
    let login = sandbox.write("login", "#!/bin/sh\ntouch asked\necho who are you? >&2\nexit 1\n");
    std::fs::set_permissions(login, std::fs::Permissions::from_mode(0o755)).unwrap();
    for line in [
        ["csw", "cluster", "diff", "--kubeconfig", "kube.yaml", "--namespace", ""],
        ["csw", "jobs", "status", "--kubeconfig=kube.yaml", "--context", "one", ""],
    ] {
        assert_eq!(candidates(&sandbox, &line), [""; 0]);
    }
    assert!(!sandbox.work().join("asked").exists());
}

#[test]
fn secrets_are_named_by_scope() {
    let sandbox = Sandbox::new();
    let names = |line: &str| candidates(&sandbox, &line.split(' ').collect::<Vec<_>>());
    assert_eq!(names("csw secrets get "), [""; 0]);
    for name in ["DB_PASSWORD", "DB_USER", "TOKEN"] {
        sandbox.csw(["secrets", "set", name]).stdin("hunter2").ok();
    }
    sandbox.csw(["models", "-n", "A/B", "secrets", "set", "API_KEY"]).stdin("hunter2").ok();
    assert_eq!(names("csw secrets get DB"), ["DB_PASSWORD", "DB_USER"]);
    assert_eq!(names("csw svc secrets delete DB_USER T"), ["TOKEN"]);
    assert_eq!(names("csw models -n A/B secrets get "), ["API_KEY"]);
    assert_eq!(names("csw models secrets -n A/B delete "), ["API_KEY"]);
    assert_eq!(names("csw models secrets get "), [""; 0]);
}

/// A passphrase would have to be asked for: on a terminal, too, nothing is asked and nothing offered.
#[test]
fn a_protected_identity_is_left_alone() {
    let sandbox = Sandbox::new();
    sandbox.csw(["secrets", "set", "TOKEN"]).stdin("hunter2").ok();
    let run =
        |csw: crate::support::Csw| rexpect::session::spawn_command(csw.into_command(), Some(60_000)).unwrap();
    let mut rotate = run(sandbox.csw(["secrets", "rotate-key", "--passphrase"]));
    rotate.exp_string("New passphrase").unwrap();
    rotate.send_line("correct horse").unwrap();
    rotate.exp_string("again").unwrap();
    rotate.send_line("correct horse").unwrap();
    rotate.exp_eof().unwrap();
    let mut tab = run(sandbox.csw(["--", "csw", "secrets", "get", ""]).env("CSW_COMPLETE", "fish"));
    let seen = tab.exp_eof().unwrap();
    assert!(!seen.contains("assphrase:"), "{seen}");
    assert!(!seen.lines().any(|line| line.starts_with("TOKEN")), "{seen}");
}

/// Answers `defaults` and says that it was asked.
const MODEL: &str = r#"touch asked
echo '{"meta_parameters": {"year": {"title": "Year"}},
  "model_parameters": {"Echo": {"rate": {"title": "Rate"}, "ratio": {"title": "Ratio"}}}}'"#;

#[test]
fn parameters_are_those_that_the_model_names() {
    let sandbox = Sandbox::new();
    sandbox.sh_model("Echo", MODEL);
    let offered = |line: &str| candidates(&sandbox, &line.split(' ').collect::<Vec<_>>());
    assert_eq!(offered("csw jobs run -n Test/Echo --set Echo.rat"), ["Echo.rate=", "Echo.ratio="]);
    assert_eq!(offered("csw jobs submit --name=Test/Echo --set meta"), ["meta_param_dict.year="]);
    assert_eq!(offered("csw jobs run -n Test/Other --set "), [""; 0]);
    assert_eq!(offered("csw jobs run --set "), [""; 0]);
}

/// Getting a model ready takes the network, time, and other people's programs: nobody asked for that.
#[test]
fn a_model_that_is_not_ready_is_not_made_ready_at_tab() {
    let sandbox = Sandbox::new();
    sandbox.sh_model("Echo", MODEL);
    sandbox.write("models/Echo/requirements.txt", "no-such-package-of-anybody\n");
    assert_eq!(candidates(&sandbox, &["csw", "jobs", "run", "-n", "Test/Echo", "--set", ""]), [""; 0]);
    assert!(!sandbox.work().join("models/Echo/asked").exists());
}

#[test]
fn a_model_that_takes_its_time_is_not_waited_for() {
    let sandbox = Sandbox::new();
    sandbox.sh_model("Slow", "echo $$ > pid; exec sleep 600");
    assert_eq!(candidates(&sandbox, &["csw", "jobs", "run", "-n", "Test/Slow", "--set", ""]), [""; 0]);
    // Nothing of it is left.
    let pid = sandbox.read("models/Slow/pid");
    let process = format!("/proc/{}/cmdline", pid.trim());
    let alive = || std::fs::read_to_string(&process).is_ok_and(|line| line.contains("sleep"));
    let begun = std::time::Instant::now();
    while alive() {
        assert!(begun.elapsed().as_secs() < 30, "{process} is alive");
    }
}

/// A file that never ends (nobody writes to the pipe) is not waited for.
#[test]
fn nothing_is_waited_for() {
    let sandbox = Sandbox::new();
    let made = Command::new("mkfifo").arg("pipe").current_dir(sandbox.work()).status().unwrap();
    assert!(made.success());
    for line in
        ["csw cluster diff --kubeconfig pipe --context ", "csw jobs status --kubeconfig pipe --context one "]
    {
        assert_eq!(candidates(&sandbox, &line.split(' ').collect::<Vec<_>>()), [""; 0], "{line}");
    }
    std::fs::rename(sandbox.work().join("pipe"), sandbox.work().join("csw.yaml")).unwrap();
    for line in ["csw jobs status ", "csw secrets get ", "csw models -n "] {
        assert_eq!(candidates(&sandbox, &line.split(' ').collect::<Vec<_>>()), [""; 0], "{line}");
    }
}

#[test]
fn models_are_named_wherever_one_is_taken() {
    let sandbox = Sandbox::new();
    sandbox.write("config/A/One.yaml", "");
    for line in [
        "csw models show ",
        "csw models prepare ",
        "csw models test ",
        "csw models -n ",
        "csw models build -n ",
        "csw jobs run -n ",
        "csw jobs submit --name ",
        "csw jobs list --names ",
    ] {
        assert_eq!(candidates(&sandbox, &line.split(' ').collect::<Vec<_>>()), ["A/One"], "{line}");
    }
}

#[test]
fn jobs_are_those_that_the_command_can_do_something_with() {
    let sandbox = Sandbox::new();
    sandbox.sh_model("Echo", "cat");
    sandbox.sh_model("Slow", "exec sleep 600");
    let up = sandbox.up(&["--max-jobs", "1"]);
    sandbox.write("csw.yaml", format!("scheduler: {}\n", up.url));
    let submit = |model: &str, id: &str| sandbox.csw(["jobs", "submit", "-n", model, "--id", id]).ok();
    submit("Test/Echo", "ended");
    sandbox.csw(["jobs", "wait", "ended", "--timeout", "2m"]).output();
    submit("Test/Slow", "running");
    submit("Test/Slow", "waiting");
    let offered = |line: &str| {
        let mut ids = candidates(&sandbox, &line.split(' ').collect::<Vec<_>>());
        ids.sort();
        ids
    };
    assert_eq!(offered("csw jobs cancel "), ["running", "waiting"]);
    assert_eq!(offered("csw jobs cancel waiting "), ["running"]);
    assert_eq!(offered("csw jobs wait "), ["running", "waiting"]);
    assert_eq!(offered("csw jobs results "), ["ended"]);
    assert_eq!(offered("csw jobs status "), ["ended", "running", "waiting"]);
    assert_eq!(offered("csw jobs logs e"), ["ended"]);
}

#[test]
fn words_after_help_are_commands() {
    let sandbox = Sandbox::new();
    let offered = |line: &str| candidates(&sandbox, &line.split(' ').collect::<Vec<_>>());
    assert_eq!(offered("csw help secr"), ["secrets"]);
    let mut below = offered("csw help svc secrets rot");
    below.sort();
    assert_eq!(below, ["rotate", "rotate-key"]);
    assert_eq!(offered("csw help api"), ["api-task"]);
    let people = offered("csw ");
    assert!(people.contains(&"jobs".to_owned()) && !people.contains(&"api-task".to_owned()), "{people:?}");
    assert_eq!(offered("csw svc config -o "), ["table", "json", "yaml", "name"]);
}
