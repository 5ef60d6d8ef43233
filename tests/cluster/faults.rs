//! Answers that come and go, and one that stays.

use super::fake::{Fake, Fault};
use super::space::config_map;
use crate::support::{Output, Sandbox};

fn fault(when: &[&'static str], code: u16, retry_after: Option<u64>, times: usize) -> Fault {
    Fault { when: when.to_vec(), code, retry_after, times }
}

fn apply(sandbox: &Sandbox, fake: &Fake, more: &[&str]) -> Output {
    sandbox.write("kubeconfig", fake.kubeconfig("{token: t}"));
    let text: String = ["a", "b", "c"].iter().map(|n| config_map(n, "1")).collect();
    sandbox.write("all.yaml", text);
    sandbox
        .csw(
            [
                &["cluster", "apply", "-f", "all.yaml", "--kubeconfig", "kubeconfig", "--namespace", "here"],
                more,
            ]
            .concat(),
        )
        .output()
}

#[test]
fn a_server_that_wants_to_be_left_alone_is_left_alone_for_so_long() {
    let (sandbox, fake) = (Sandbox::new(), Fake::start(vec![fault(&["PATCH", "/b?"], 429, Some(1), 1)]));
    let output = apply(&sandbox, &fake, &[]);
    assert_eq!(output.code, 0, "{}", output.stderr);
    let times: Vec<_> = fake
        .seen()
        .into_iter()
        .filter(|s| s.method == "PATCH" && s.uri.contains("/b?") && s.uri.contains("dryRun"))
        .map(|s| s.at)
        .collect();
    assert_eq!(times.len(), 2, "asked once more");
    assert!(times[1] - times[0] >= std::time::Duration::from_secs(1), "and not before it was time");
}

#[test]
fn an_internal_error_in_the_middle_is_asked_again() {
    let faults = vec![
        fault(&["GET", "/api/v1"], 503, None, 2),
        fault(&["PATCH", "/a?"], 500, None, 2),
        fault(&["PATCH", "/c?"], 502, None, 3),
    ];
    let (sandbox, fake) = (Sandbox::new(), Fake::start(faults));
    let output = apply(&sandbox, &fake, &[]);
    assert_eq!(output.code, 0, "{}", output.stderr);
    assert_eq!(fake.names(), ["a", "b", "c", "csw"]);
}

#[test]
fn an_error_that_stays_ends_with_what_was_applied_and_what_was_not() {
    let (sandbox, fake) = (Sandbox::new(), Fake::start(Vec::new()));
    // The check passes and the apply itself does not.
    fake.fail(fault(&["PATCH", "/b?", " real"], 500, None, usize::MAX));
    let output = apply(&sandbox, &fake, &["--concurrency", "1"]);
    assert_eq!(output.code, 4);
    assert!(output.stderr.contains("applied (1): ConfigMap here/a"), "{}", output.stderr);
    assert!(
        output.stderr.contains("not applied (2): ConfigMap here/b, ConfigMap here/c"),
        "{}",
        output.stderr
    );
    assert!(output.stderr.contains("Run the same command again"), "{}", output.stderr);
    assert_eq!(fake.names(), ["a", "csw"]);
    fake.heal();
    let output = apply(&sandbox, &fake, &[]);
    assert_eq!(output.code, 0, "{}", output.stderr);
    assert!(output.stderr.contains("2 created, 0 updated, 1 unchanged"), "{}", output.stderr);
}

#[test]
fn nothing_that_has_not_changed_is_sent() {
    let (sandbox, fake) = (Sandbox::new(), Fake::start(Vec::new()));
    assert_eq!(apply(&sandbox, &fake, &[]).code, 0);
    let before = fake.seen().len();
    let again = apply(&sandbox, &fake, &[]);
    assert!(again.stderr.contains("3 unchanged"), "{}", again.stderr);
    let lines: Vec<String> =
        fake.seen().split_off(before).iter().map(|s| format!("{} {}", s.method, s.uri)).collect();
    assert_eq!(lines.len(), 3, "the parent, how kinds are served, and one list: {lines:?}");
    assert!(lines.iter().all(|l| l.starts_with("GET")), "{lines:?}");
}
