//! `csw svc secrets rotate redis`.

use serde_json::Value;

use crate::support::Sandbox;

const USERS: [&str; 3] = ["REDIS_ADMIN_PW", "REDIS_SCHEDULER_PW", "REDIS_EXECUTOR_PW"];

fn with(names: &[&str]) -> Sandbox {
    let sandbox = Sandbox::new();
    for name in names {
        sandbox.csw(["svc", "secrets", "set", name]).stdin(format!("before-{name}")).ok();
    }
    sandbox
}

fn value(sandbox: &Sandbox, name: &str) -> String {
    sandbox.csw(["svc", "secrets", "get", name]).ok().trim().to_owned()
}

#[test]
fn every_user_gets_a_password_of_its_own_and_nothing_else_changes() {
    let sandbox = with(&[&USERS[..], &["CSW_CLUSTER_KEY"]].concat());
    let output = sandbox.csw(["svc", "secrets", "rotate", "redis", "-o", "json"]).output();
    assert_eq!(output.code, 0, "{}", output.stderr);
    assert!(output.stderr.contains("run `csw svc apply`"), "{}", output.stderr);
    let rotated: Vec<Value> = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(rotated.len(), 3);
    assert!(rotated.iter().all(|r| r["replaced"] == true));
    let mut values: Vec<String> = USERS.iter().map(|name| value(&sandbox, name)).collect();
    for new in &values {
        assert!(new.len() == 40 && new.bytes().all(|b| b.is_ascii_alphanumeric()), "{new}");
        assert!(!output.stdout.contains(new) && !output.stderr.contains(new), "a password was shown");
    }
    values.dedup();
    assert_eq!(values.len(), 3);
    assert_eq!(value(&sandbox, "CSW_CLUSTER_KEY"), "before-CSW_CLUSTER_KEY");
}

#[test]
fn one_user_is_rotated_alone() {
    let sandbox = with(&USERS[..2]);
    let rotate = ["svc", "secrets", "rotate", "redis", "--user", "scheduler,executor"];
    let table = sandbox.csw(rotate).ok();
    assert_eq!(value(&sandbox, "REDIS_ADMIN_PW"), "before-REDIS_ADMIN_PW");
    assert_ne!(value(&sandbox, "REDIS_SCHEDULER_PW"), "before-REDIS_SCHEDULER_PW");
    assert_eq!(value(&sandbox, "REDIS_EXECUTOR_PW").len(), 40);
    let line = table.lines().find(|l| l.contains("executor")).unwrap();
    assert!(line.contains("none"), "{table}");
}

#[test]
fn a_dry_run_changes_nothing() {
    let sandbox = with(&USERS);
    let names = sandbox.csw(["services", "secrets", "rotate", "redis", "--dry-run", "-o", "name"]).ok();
    assert_eq!(names.lines().collect::<Vec<_>>(), USERS);
    for name in USERS {
        assert_eq!(value(&sandbox, name), format!("before-{name}"));
    }
}
