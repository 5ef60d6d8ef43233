//! `csw jobs list`: order, limits, and what goes on.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use serde_json::Value;

use super::ECHO;
use crate::support::{Sandbox, Up};

fn ids(sandbox: &Sandbox, up: &Up, args: &[&str]) -> Vec<String> {
    let all = ["jobs", "list", "-o", "name"].iter().chain(args);
    let listed = sandbox.csw(all).env("CSW_SCHEDULER", &up.url).ok();
    listed.lines().map(str::to_owned).collect()
}

#[test]
fn the_newest_come_first_in_the_exact_order_of_submission_also_after_a_crash() {
    let sandbox = Sandbox::new();
    sandbox.sh_model("Echo", ECHO);
    let mut up = sandbox.up(&["--max-jobs", "1"]);
    let sets = |n: usize| {
        (0..n).map(|n| format!("{{\"adjustment\": {{\"text\": \"t{n}\"}}}}\n")).collect::<String>()
    };
    // The first holds up all others, so that none of them ends meanwhile.
    let slow = ["jobs", "submit", "-n", "Test/Echo", "--id", "slow", "--set", "text=slow"];
    sandbox.csw(slow).env("CSW_SCHEDULER", &up.url).ok();
    let submit = ["jobs", "submit", "-n", "Test/Echo", "--from", "-", "--id-prefix"];
    for prefix in ["b", "a"] {
        sandbox.csw(submit.iter().chain(&[prefix])).stdin(sets(230)).env("CSW_SCHEDULER", &up.url).ok();
    }
    let line = |prefix: &'static str| (1..=230).rev().map(move |n| format!("{prefix}-{n}"));
    let expected: Vec<String> = line("a").chain(line("b")).chain(["slow".to_owned()]).collect();
    for _ in 0..2 {
        assert_eq!(ids(&sandbox, &up, &[]), expected);
        assert_eq!(ids(&sandbox, &up, &["--limit", "3"]), ["a-230", "a-229", "a-228"], "the newest are kept");
        assert_eq!(ids(&sandbox, &up, &["--limit", "2", "--sort", "oldest"]), ["a-229", "a-230"]);
        let mut by_id = expected.clone();
        by_id.sort();
        assert_eq!(ids(&sandbox, &up, &["--sort", "id"]), by_id);
        let running = ids(&sandbox, &up, &["--sort", "status", "--limit", "500"]);
        assert!(running[0] == "slow" || running.last().unwrap() == "slow", "{}", running[0]);
        assert_eq!(ids(&sandbox, &up, &["--since", "1h"]), expected);
        assert!(ids(&sandbox, &up, &["--since", "2999-01-01"]).is_empty());
        up.kill();
        up = sandbox.up(&["--max-jobs", "1"]);
    }
    let args = ["jobs", "list", "-o", "json", "--status", "PENDING"];
    let listed: Value = serde_json::from_str(&sandbox.csw(args).env("CSW_SCHEDULER", &up.url).ok()).unwrap();
    let accepted: Vec<&str> =
        listed.as_array().unwrap().iter().map(|job| job["created_at"].as_str().unwrap()).collect();
    assert!(accepted.windows(2).all(|w| w[0] != w[1]), "no two are accepted at the same time");
    let wrong = sandbox.csw(["jobs", "list", "--since", "soon"]).output();
    assert!(wrong.code == 2 && wrong.stderr.contains("how long ago, as in 90m"), "{}", wrong.stderr);
}

#[test]
fn a_watch_tells_what_changes() {
    let sandbox = Sandbox::new();
    sandbox.sh_model("Echo", ECHO);
    let up = sandbox.up(&[]);
    let submit = |id: &str| {
        let args = ["jobs", "submit", "-n", "Test/Echo", "--id", id];
        sandbox.csw(args).env("CSW_SCHEDULER", &up.url).ok();
    };
    submit("first");
    sandbox.csw(["jobs", "wait", "first"]).env("CSW_SCHEDULER", &up.url).ok();
    let mut watch =
        sandbox.csw(["jobs", "list", "--watch", "-o", "json"]).env("CSW_SCHEDULER", &up.url).into_command();
    let mut child = watch.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || {
        let job: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        (job["id"].as_str().unwrap().to_owned(), job["status"].as_str().unwrap().to_owned())
    };
    assert_eq!(next(), ("first".to_owned(), "SUCCESS".to_owned()));
    submit("second");
    loop {
        let (id, status) = next();
        assert_eq!(id, "second", "what has not changed is not told again");
        if status == "SUCCESS" {
            break;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn states_have_colours_where_these_are_wanted() {
    let sandbox = Sandbox::new();
    sandbox.sh_model("Echo", ECHO);
    let up = sandbox.up(&[]);
    let csw = |args: &[&str]| sandbox.csw(["jobs"].iter().chain(args)).env("CSW_SCHEDULER", &up.url);
    csw(&["submit", "-n", "Test/Echo", "--id", "bad", "--set", "text=fail"]).ok();
    assert_eq!(csw(&["wait", "bad"]).output().code, 5);
    let red = "\u{1b}[31mFAIL\u{1b}[0m";
    let list = || csw(&["list"]);
    assert!(!list().ok().contains('\u{1b}'), "no terminal, no colour");
    assert!(list().env("CLICOLOR_FORCE", "1").ok().contains(red));
    assert!(csw(&["list", "--color", "always"]).ok().contains(red));
    assert!(!list().env("CLICOLOR_FORCE", "0").ok().contains('\u{1b}'));
    assert!(!list().env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1").ok().contains('\u{1b}'));
    assert!(!csw(&["list", "-o", "json"]).env("CLICOLOR_FORCE", "1").ok().contains('\u{1b}'));
    let listed = list().ok();
    assert!(listed.contains("no such text (The command `sh model.sh` ended"), "{listed}");
}
