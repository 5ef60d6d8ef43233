//! `csw jobs run`

use std::process::Command;

use rustix::process::{Pid, Signal};
use serde_json::Value;

use super::ECHO;
use crate::support::Sandbox;

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.sh_model("Echo", ECHO);
    sandbox
}

fn state(sandbox: &Sandbox) -> std::path::PathBuf {
    sandbox.home().join(".local/share/csw/runs")
}

#[test]
fn a_simulation_leaves_files_and_a_table() {
    let sandbox = sandbox();
    let output =
        sandbox.csw(["jobs", "run", "-n", "Test/Echo", "--set", "text=hello", "--out", "out"]).output();
    assert_eq!(output.code, 0, "{}", output.stderr);
    insta::assert_snapshot!(output.stdout, @r"
    TITLE  TYPE  SIZE  FILE
    Echo   Text  5 B   downloadable/Echo.txt
    ");
    assert!(output.stderr.contains("Results in out:\n"), "the folder once: {}", output.stderr);
    assert_eq!(sandbox.read("out/downloadable/Echo.txt"), "hello");
    let left = std::fs::read_dir(state(&sandbox)).unwrap().count();
    assert_eq!(left, 0, "the state of a job without a chosen id goes");
}

#[test]
fn a_chosen_id_gives_the_same_result_again_and_refuses_other_inputs() {
    let sandbox = sandbox();
    let run = |text: &str| {
        let set = format!("text={text}");
        sandbox.csw(["jobs", "run", "-n", "test/echo", "--id", "one", "-o", "json", "--set", &set]).output()
    };
    let first = run("hello");
    assert_eq!(first.code, 0, "{}", first.stderr);
    let view: Value = serde_json::from_str(&first.stdout).unwrap();
    assert_eq!(
        (&view["id"], &view["status"], &view["model_version"]),
        (&"one".into(), &"SUCCESS".into(), &"1.2.3".into())
    );
    assert_eq!(view["files"][0]["path"], "outputs/Test/Echo/one/downloadable/Echo.txt");
    let second = run("hello");
    assert_eq!(second.stdout, first.stdout);
    assert_eq!(sandbox.read("models/Echo/runs"), "ran\n", "it was computed once");
    let other = run("world");
    assert_eq!(other.code, 1);
    assert!(other.stderr.contains("job one exists with other inputs"), "{}", other.stderr);
}

#[test]
fn a_folder_holds_the_results_of_one_job() {
    let sandbox = sandbox();
    let run = |text: &str, more: &[&str]| {
        let set = format!("text={text}");
        let args = ["jobs", "run", "-n", "Test/Echo", "--set", &set, "--out", "out"];
        sandbox.csw(args.iter().chain(more)).output()
    };
    let first = run("first", &["--id", "first"]);
    assert_eq!(first.code, 0, "{}", first.stderr);
    sandbox.write("out/notes.txt", "mine");
    assert_eq!(run("first", &["--id", "first"]).code, 0, "the same job may write again");
    assert_eq!(sandbox.read("out/notes.txt"), "mine");
    for second in [run("second", &[]), run("second", &["--id", "second"])] {
        assert_eq!((second.code, second.stdout.as_str()), (1, ""));
        assert!(
            second.stderr.contains("out is not empty and belongs to job first of Test/Echo"),
            "{}",
            second.stderr
        );
        assert!(second.stderr.contains("--force"), "{}", second.stderr);
    }
    assert_eq!(sandbox.read("out/downloadable/Echo.txt"), "first");
    assert_eq!(sandbox.read("models/Echo/runs"), "ran\n", "nothing is computed that can't be written");
    assert_eq!(run("third", &["--force"]).code, 0);
    assert_eq!(sandbox.read("out/downloadable/Echo.txt"), "third");
    assert!(!sandbox.work().join("out/notes.txt").exists());

    sandbox.write("strange/mine.txt", "mine");
    let strange = sandbox.csw(["jobs", "run", "-n", "Test/Echo", "--out", "strange"]).output();
    assert_eq!(strange.code, 1);
    assert!(strange.stderr.contains("csw has not filled it: it holds mine.txt"), "{}", strange.stderr);
    let here = sandbox.csw(["jobs", "run", "-n", "Test/Echo", "--out", ".", "--force"]).output();
    assert!(here.code == 1 && here.stderr.contains("it holds the working folder"), "{}", here.stderr);
    // An empty folder that is there is filled in place: it may be somebody's working folder.
    sandbox.write("empty/x", "");
    std::fs::remove_file(sandbox.work().join("empty/x")).unwrap();
    let inside = sandbox
        .csw(["jobs", "run", "-n", "Test/Echo", "--out", ".", "-o", "name"])
        .env("CSW_CONFIG_DIR", sandbox.work().join("config"));
    assert_eq!(inside.dir(sandbox.work().join("empty")).ok(), "./downloadable/Echo.txt\n");
}

#[test]
fn a_failure_shows_the_traceback_and_exits_with_5() {
    let sandbox = sandbox();
    let output = sandbox.csw(["jobs", "run", "-n", "Test/Echo", "--set", "text=fail"]).output();
    assert_eq!((output.code, output.stdout.as_str()), (5, ""));
    assert!(output.stderr.contains("no such text"), "{}", output.stderr);
    assert!(output.stderr.contains("of Test/Echo failed"), "{}", output.stderr);
}

#[test]
fn the_time_may_run_out() {
    let sandbox = sandbox();
    let csw = sandbox.csw(["jobs", "run", "-n", "Test/Echo", "--set", "text=slow", "--timeout", "1"]);
    let output = csw.env("CSW_GRACE_PERIOD", "1").output();
    assert_eq!(output.code, 5);
    assert!(output.stderr.contains("sim of Test/Echo took longer than 1s"), "{}", output.stderr);
}

#[test]
fn the_other_tasks_print_what_the_model_answers() {
    let sandbox = sandbox();
    let run = |task: &str| -> Value {
        serde_json::from_str(&sandbox.csw(["jobs", "run", "-n", "Test/Echo", "--task", task]).ok()).unwrap()
    };
    assert_eq!(run("version"), serde_json::json!({"version": "1.2.3"}));
    assert_eq!(run("defaults")["model_parameters"]["text"]["type"], "str");
    assert!(run("parse")["errors_warnings"]["text"].is_object());
}

#[test]
fn inputs_come_from_files_stdin_and_flags() {
    let sandbox = sandbox();
    sandbox.write("in.json", r#"{"adjustment": {"text": "from a file"}}"#);
    sandbox.csw(["jobs", "run", "-n", "Test/Echo", "--input", "in.json", "--out", "a"]).ok();
    assert_eq!(sandbox.read("a/downloadable/Echo.txt"), "from a file");
    let piped =
        sandbox.csw(["jobs", "run", "-n", "Test/Echo", "--input", "-", "--set", "text=flag", "--out", "b"]);
    piped.stdin(r#"{"adjustment": {"text": "stdin", "other": 1}}"#).ok();
    assert_eq!(sandbox.read("b/downloadable/Echo.txt"), "flag");
    for (args, stdin, code, says) in [
        (["--input", "-"], "[1]", 1, "stdin: expected a JSON object"),
        (["--input", "-"], "{", 1, "stdin is not JSON"),
        (["--input", "-"], "{\"adjust\": {}}", 1, "unknown key `adjust`"),
        (["--input", "none.json"], "", 1, "cannot read none.json"),
        (["--set", "text"], "", 2, "expected PATH=VALUE"),
        (["--task", "simulate"], "", 2, "invalid value 'simulate'"),
    ] {
        let all = ["jobs", "run", "-n", "Test/Echo"].into_iter().chain(args);
        let output = sandbox.csw(all).stdin(stdin).output();
        assert!(output.code == code && output.stderr.contains(says), "{args:?}: {}", output.stderr);
    }
    let output = sandbox.csw(["jobs", "run", "-n", "Test/Ecco"]).output();
    assert!(output.code == 1 && output.stderr.contains("did you mean `Test/Echo`?"), "{}", output.stderr);
}

#[test]
fn ctrl_c_cancels_the_job_and_leaves_nothing() {
    let sandbox = Sandbox::new();
    let fifo = sandbox.work().join("started");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    // Opening the pipe waits for the test to read it.
    let script = format!(
        "read -r r\ncase \"$r\" in *version*) echo '{{\"version\": \"1\"}}'; exit ;; esac\n\
         sleep 60 & echo $! >{}; wait",
        fifo.display()
    );
    sandbox.sh_model("Slow", &script);
    let mut child = sandbox.csw(["jobs", "run", "-n", "Test/Slow"]).into_command().spawn().unwrap();
    let sleeper = std::fs::read_to_string(&fifo).unwrap();
    rustix::process::kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(std::fs::read_dir(state(&sandbox)).unwrap().count(), 0);
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", sleeper.trim())).unwrap_or_default();
    assert!(stat.is_empty() || stat.contains(") Z "), "what the model started is gone: {stat}");
}
