use std::process::Stdio;
use std::thread;
use std::time::Duration;

use crate::support::Sandbox;

#[test]
fn eight_programs_that_set_at_once_lose_nothing() {
    let sandbox = Sandbox::new();
    thread::scope(|scope| {
        for worker in 0..8 {
            let sandbox = &sandbox;
            scope.spawn(move || {
                for n in 0..20 {
                    sandbox
                        .csw(["secrets", "set", &format!("k_{worker}_{n}")])
                        .stdin(format!("{worker}.{n}"))
                        .ok();
                }
            });
        }
    });
    let all: serde_json::Value =
        serde_json::from_str(&sandbox.csw(["secrets", "list", "-o", "json", "--reveal"]).ok()).unwrap();
    let all = all.as_object().unwrap();
    assert_eq!(all.len(), 160);
    for worker in 0..8 {
        for n in 0..20 {
            assert_eq!(all[&format!("k_{worker}_{n}")], format!("{worker}.{n}"));
        }
    }
}

/// Kills `csw` with these arguments after ever longer times, until it has lived to its end a few times; calls `check`
/// after each.
fn kill_and_check(sandbox: &Sandbox, args: &[&str], check: impl Fn()) {
    let mut wait = Duration::ZERO;
    let (mut killed, mut ended) = (0, 0);
    while ended < 3 {
        let mut command = sandbox.csw(args).into_command();
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        thread::sleep(wait); // the very point: to be killed at some moment
        if child.try_wait().unwrap().is_some_and(|status| status.success()) {
            ended += 1;
        } else {
            child.kill().unwrap();
            child.wait().unwrap();
            killed += 1;
        }
        check();
        wait += Duration::from_micros(400);
        assert!(killed < 2000, "it never ends");
    }
    assert!(killed > 0);
}

#[test]
fn a_set_that_is_killed_leaves_the_old_or_the_new() {
    let sandbox = Sandbox::new();
    sandbox.csw(["secrets", "set", "keep", "kept"]).ok();
    sandbox.csw(["secrets", "set", "k", "old"]).ok();
    kill_and_check(&sandbox, &["secrets", "set", "k", "new"], || {
        assert_eq!(sandbox.csw(["secrets", "get", "keep"]).ok(), "kept\n");
        let value = sandbox.csw(["secrets", "get", "k"]).ok();
        assert!(value == "old\n" || value == "new\n", "{value}");
    });
    // What the killed ones left is gone.
    let left = std::fs::read_dir(sandbox.home().join(".config/csw")).unwrap().count();
    assert_eq!(left, 3);
}

#[test]
fn a_first_set_that_is_killed_does_not_get_in_the_way_of_the_next() {
    let sandbox = Sandbox::new();
    let folder = sandbox.home().join(".config/csw");
    kill_and_check(&sandbox, &["secrets", "set", "k", "v"], || {
        let value = sandbox.csw(["secrets", "list", "--reveal", "-o", "json"]).ok();
        assert!(value == "{}\n" || value.contains("\"k\": \"v\""), "{value}");
        std::fs::remove_dir_all(&folder).ok();
    });
}

#[test]
fn a_rotation_that_is_killed_leaves_everything_readable() {
    let sandbox = Sandbox::new();
    sandbox.csw(["secrets", "set", "k", "v"]).ok();
    kill_and_check(&sandbox, &["secrets", "rotate-key"], || {
        assert_eq!(sandbox.csw(["secrets", "get", "k"]).ok(), "v\n");
    });
    sandbox.csw(["secrets", "rotate-key"]).ok();
    let identity = std::fs::read_to_string(sandbox.home().join(".config/csw/identity.txt")).unwrap();
    assert_eq!(identity.matches("AGE-SECRET-KEY-").count(), 1);
}
