//! The commands that speak with a running scheduler.

use serde_json::{Value, json};

use super::ECHO;
use crate::support::{Csw, Output, Sandbox};

struct Place {
    sandbox: Sandbox,
    up: crate::support::Up,
}

impl Place {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        sandbox.sh_model("Echo", ECHO);
        let up = sandbox.up(&["--max-jobs", "1"]);
        Self { sandbox, up }
    }

    fn jobs(&self, args: &[&str]) -> Csw {
        self.sandbox.csw(["jobs"].iter().chain(args)).env("CSW_SCHEDULER", &self.up.url)
    }

    fn json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.jobs(args).ok()).unwrap()
    }
}

fn says(output: &Output, code: i32, text: &str) {
    assert!(output.code == code && output.stderr.contains(text), "{}: {}", output.code, output.stderr);
}

#[test]
fn a_job_from_submit_to_cleanup() {
    let place = Place::new();
    assert_eq!(
        place.jobs(&["submit", "-n", "Test/Echo", "--id", "one", "--set", "text=hi", "-o", "name"]).ok(),
        "one\n"
    );
    // The same again is the same job.
    place.jobs(&["submit", "-n", "Test/Echo", "--id", "one", "--set", "text=hi"]).ok();
    let other = place.jobs(&["submit", "-n", "Test/Echo", "--id", "one", "--set", "text=ho"]).output();
    says(&other, 1, "job one exists with other inputs");
    let waited = place.json(&["wait", "one", "--timeout", "60", "-o", "json"]);
    assert_eq!((&waited[0]["id"], &waited[0]["status"]), (&json!("one"), &json!("SUCCESS")));
    let list = place.json(&["list", "-o", "json"]);
    let job = &list.as_array().unwrap()[0];
    assert_eq!(
        (list.as_array().unwrap().len(), &job["model"], &job["task"]),
        (1, &json!("Test/Echo"), &json!("sim"))
    );
    for key in ["created_at", "started_at", "finished_at"] {
        assert!(job[key].as_str().is_some_and(|t| t.ends_with('Z')), "{job}");
    }
    assert_eq!(place.json(&["status", "one", "-o", "json"])[0], *job);
    assert!(place.jobs(&["logs", "one"]).ok().contains("simulating"));
    assert!(place.jobs(&["logs", "-f", "one"]).ok().contains("simulating"));
    assert_eq!(
        place.jobs(&["results", "one", "-o", "name"]).ok(),
        "outputs/Test/Echo/one/downloadable/Echo.txt\n"
    );
    assert_eq!(place.sandbox.read("outputs/Test/Echo/one/downloadable/Echo.txt"), "hi");
    assert_eq!(place.json(&["cleanup", "--failed", "-o", "json"])["removed"], json!([]));
    assert_eq!(place.json(&["cleanup", "--succeeded", "--dry-run", "-o", "json"])["removed"], json!(["one"]));
    let zips = || std::fs::read_dir(place.sandbox.work().join("data/bucket")).unwrap().count();
    assert_eq!(zips(), 2);
    let unasked = place.jobs(&["cleanup"]).output();
    says(&unasked, 2, "deleting 1 job (1 success) with their inputs, and ");
    assert!(unasked.stderr.contains("--yes") && unasked.stderr.contains("--dry-run"), "{}", unasked.stderr);
    assert_eq!(zips(), 2, "nothing goes without a yes");
    let would = place.json(&["cleanup", "--dry-run", "-o", "json"]);
    let cleaned = place.json(&["cleanup", "--yes", "-o", "json"]);
    assert_eq!(cleaned["removed"], json!(["one"]));
    assert_eq!((&cleaned["bytes"], &cleaned["counts"]["success"]), (&would["bytes"], &json!(1)));
    assert!(cleaned["bytes"].as_u64().unwrap() > 100, "{cleaned}");
    // Results die with their job.
    assert_eq!(zips(), 0);
    assert_eq!(std::fs::read_dir(place.sandbox.work().join("data/logs")).unwrap().count(), 0);
    says(&place.jobs(&["status", "one"]).output(), 1, "there is no job one");
}

#[test]
fn many_are_submitted_from_a_file_all_or_none() {
    let place = Place::new();
    let wrong = "{}\n{\"adjustment\": 3}\nno\n";
    let output = place.jobs(&["submit", "-n", "Test/Echo", "--from", "-"]).stdin(wrong).output();
    says(
        &output,
        1,
        "nothing was submitted: 2 lines are wrong\n  line 2: `adjustment` must be a JSON object\n  line 3: not JSON",
    );
    assert_eq!(place.json(&["list", "-o", "json"]), json!([]));
    let sets: String = (0..40).map(|n| format!("{{\"adjustment\": {{\"text\": \"t{n}\"}}}}\n")).collect();
    place.sandbox.write("sets.jsonl", sets);
    let submit = || {
        place
            .jobs(&["submit", "-n", "Test/Echo", "--from", "sets.jsonl", "--id-prefix", "s", "-o", "name"])
            .ok()
    };
    let ids = submit();
    assert_eq!(ids.lines().collect::<Vec<_>>()[..3], ["s-1", "s-2", "s-3"]);
    assert_eq!(submit(), ids, "once more is the same jobs");
    place.jobs(&["wait", "--all", "--timeout", "120"]).ok();
    let done = place.json(&["list", "--status", "success", "-n", "Test/Echo", "-o", "json"]);
    assert_eq!(done.as_array().unwrap().len(), 40);
    assert_eq!(place.json(&["list", "--limit", "7", "-o", "json"]).as_array().unwrap().len(), 7);
    assert_eq!(place.sandbox.read("models/Echo/runs").lines().count(), 40);
    // Two of these are other inputs for ids that are taken.
    place.sandbox.write("more.jsonl", "{\"id\": \"s-1\"}\n{\"id\": \"new\"}\n{\"id\": \"s-2\"}\n");
    let output = place.jobs(&["submit", "-n", "Test/Echo", "--from", "more.jsonl", "-o", "name"]).output();
    says(&output, 1, "not accepted: 2\n  line 1: job s-1 exists with other inputs\n  line 3: ");
    assert_eq!(output.stdout, "new\n");
}

#[test]
fn failures_and_cancellations_are_told() {
    let place = Place::new();
    place.jobs(&["submit", "-n", "Test/Echo", "--id", "bad", "--set", "text=fail"]).ok();
    says(&place.jobs(&["wait", "bad"]).output(), 5, "1 of 1 jobs did not succeed");
    says(&place.jobs(&["results", "bad"]).output(), 5, "no such text");
    place.jobs(&["submit", "-n", "Test/Echo", "--id", "slow", "--set", "text=slow"]).ok();
    place.jobs(&["submit", "-n", "Test/Echo", "--id", "later"]).ok();
    says(
        &place.jobs(&["wait", "slow", "--timeout", "0.1"]).output(),
        5,
        "the time ran out: 1 of 1 jobs have not ended",
    );
    says(&place.jobs(&["results", "later"]).output(), 1, "job later has no result yet");
    let cancelled = place.json(&["cancel", "slow", "later", "-o", "json"]);
    assert_eq!(
        (&cancelled[0]["status"], &cancelled[1]["status"]),
        (&json!("CANCELLED"), &json!("CANCELLED"))
    );
    says(&place.jobs(&["results", "later"]).output(), 5, "job later was cancelled");
    says(&place.jobs(&["submit", "-n", "Test/Nobody"]).output(), 1, "there is no model Test/Nobody");
    says(&place.jobs(&["cancel", "nobody"]).output(), 1, "there is no job nobody");
}

#[test]
fn a_scheduler_that_is_not_there_is_named() {
    let sandbox = Sandbox::new();
    for args in [&["list"] as &[&str], &["submit", "-n", "A/B"], &["wait", "x"], &["logs", "x"], &["cleanup"]]
    {
        let all = ["jobs"].iter().chain(args);
        let output = sandbox.csw(all).env("CSW_SCHEDULER", "http://127.0.0.1:9").output();
        says(&output, 4, "cannot reach the scheduler at http://127.0.0.1:9/");
        assert!(output.stderr.contains("csw up"), "{}", output.stderr);
    }
}
