//! A model that can't be made ready: its jobs say why.

use serde_json::Value;

use super::ECHO;
use crate::support::{Sandbox, missing, on_path};

#[test]
fn a_job_whose_model_cannot_be_prepared_says_why_and_has_a_log() {
    if !on_path("python3") {
        return missing("python3", "not on PATH");
    }
    let sandbox = Sandbox::new();
    sandbox.sh_model("Echo", ECHO);
    sandbox.write("models/Echo/requirements.txt", "no-such-package-of-csw==7.7\n");
    let up = crate::support::Up::start(
        sandbox
            .csw(["up", "--listen", "127.0.0.1:0", "--data", "data"])
            .env("PIP_NO_INDEX", "1")
            .env("PIP_DISABLE_PIP_VERSION_CHECK", "1"),
    );
    let csw = |args: &[&str]| sandbox.csw(["jobs"].iter().chain(args)).env("CSW_SCHEDULER", &up.url);
    csw(&["submit", "-n", "Test/Echo", "--id", "one"]).ok();
    // Followed from the moment on in which it waits for its model.
    let followed = csw(&["logs", "-f", "one"]).ok();
    assert_eq!(csw(&["wait", "one", "--timeout", "120"]).output().code, 5);
    let log = csw(&["logs", "one"]).ok();
    for text in ["# ", "no-such-package-of-csw was not found"] {
        assert!(log.contains(text), "{text}: {log}");
        assert!(followed.contains(text), "{text}: {followed}");
    }
    assert_eq!(followed.matches("was not found").count(), log.matches("was not found").count());
    let status: Value = serde_json::from_str(&csw(&["status", "one", "-o", "json"]).ok()).unwrap();
    let reason = status[0]["reason"].as_str().unwrap();
    assert!(reason.contains("no-such-package-of-csw was not found"), "{reason}");
    assert!(!reason.contains(".log"), "a reason is a sentence: {reason}");
    let results = csw(&["results", "one"]).output();
    assert!(results.stderr.contains("no-such-package-of-csw"), "{}", results.stderr);
}

#[test]
fn what_was_done_to_make_a_model_ready_is_in_the_log_of_the_job_that_waited_for_it() {
    if !on_path("git") {
        return missing("git", "not on PATH");
    }
    let sandbox = Sandbox::new();
    sandbox.sh_model("Echo", ECHO);
    let git = |args: &[&str]| {
        let mut command = std::process::Command::new("git");
        command.current_dir(sandbox.work().join("models/Echo")).args([
            "-c",
            "user.name=A",
            "-c",
            "user.email=a@b",
        ]);
        assert!(command.args(args).output().unwrap().status.success());
    };
    git(&["init", "-q"]);
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "one"]);
    let file = "config/Test/Echo.yaml";
    let url = format!("file://{}", sandbox.work().join("models/Echo").display());
    sandbox.write(file, sandbox.read(file).replace("./models/Echo", &url));
    let up = sandbox.up(&[]);
    let csw = |args: &[&str]| sandbox.csw(["jobs"].iter().chain(args)).env("CSW_SCHEDULER", &up.url);
    csw(&["submit", "-n", "Test/Echo", "--id", "one", "--set", "text=hi"]).ok();
    csw(&["wait", "one", "--timeout", "120"]).ok();
    let log = csw(&["logs", "one"]).ok();
    let (fetched, ran) = (log.find("etch").expect(&log), log.find("simulating").expect(&log));
    assert!(fetched < ran, "{log}");
}
