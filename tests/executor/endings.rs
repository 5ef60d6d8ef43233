//! What a model may do to its process, and the result that comes of it.

use std::process::Command;
use std::time::{Duration, Instant};

use super::Attempt;

fn model(body: &str) -> Attempt {
    let body = body.trim().lines().map(|l| format!("    {l}\n")).collect::<String>();
    Attempt::python(&format!(
        "import ctypes, os, signal, subprocess, sys, time\nDONE = {{'renderable': [], 'downloadable': []}}\n\n\
         def run_model(meta, adjustment):\n{body}    return DONE\n"
    ))
}

#[test]
fn a_failing_model_gives_its_whole_traceback_and_nothing_of_the_harness() {
    let ended = model("raise ValueError('größer')").run();
    ended.fails_with(&[
        "Traceback (most recent call last)",
        "functions.py\", line ",
        "in run_model",
        "ValueError: größer",
    ]);
    assert!(!ended.traceback().contains("<csw>"), "{}", ended.traceback());
    assert!(ended.log.contains("ValueError: größer"), "{}", ended.log);
}

#[test]
fn a_model_that_ends_itself_fails() {
    model("sys.exit(0)").run().fails_with(&["SystemExit: 0", "The model ended itself with sys.exit(0)"]);
    model("raise KeyboardInterrupt").run().fails_with(&["KeyboardInterrupt"]);
    model("class Odd(BaseException): pass\nraise Odd('odd')").run().fails_with(&["Odd: odd"]);
    model("print('last words'); os._exit(3)")
        .run()
        .fails_with(&["ended with exit code 3 before it returned a result", "  last words"]);
    model("os._exit(0)").run().fails_with(&["ended with exit code 0 before it returned a result"]);
    model("os.kill(os.getpid(), signal.SIGKILL)").run().fails_with(&["by signal SIGKILL", "memory ran out"]);
}

#[test]
fn a_crash_in_compiled_code_names_the_signal_and_the_python_line() {
    model("ctypes.string_at(0)").run().fails_with(&[
        "by signal SIGSEGV",
        "functions.py\", line ",
        "in run_model",
    ]);
}

#[test]
fn a_model_that_cannot_be_imported_says_why() {
    Attempt::python("def run_model(:\n").run().fails_with(&["SyntaxError", "functions.py"]);
    Attempt::python("import nothing_like_this")
        .run()
        .fails_with(&["ModuleNotFoundError", "nothing_like_this"]);
    Attempt::python("").run().fails_with(&["AttributeError", "run_model"]);
    let attempt = Attempt::python("");
    std::fs::remove_dir_all(attempt.sandbox.work().join("model/cs-config")).unwrap();
    attempt.run().fails_with(&["No module named 'cs_config'", "usually in its\nfolder cs-config/", "/model"]);
    let attempt = Attempt::python("").with("python", "/nothing/here/python3");
    attempt.run().fails_with(&["The model's program `/nothing/here/python3` was not found"]);
    let attempt = Attempt::python("");
    std::fs::remove_dir_all(attempt.sandbox.work().join("model")).unwrap();
    attempt.run().fails_with(&["The model's folder", "does not exist"]);
}

#[test]
fn a_million_lines_all_reach_the_log() {
    let ended = model("for i in range(1000000): print('line', i)\nos.write(1, b'end\\n')").run();
    ended.outputs();
    assert_eq!(ended.log.lines().count(), 1_000_001);
    assert!(ended.log.ends_with("line 999999\nend\n"));
}

#[test]
fn what_a_model_does_to_its_streams_hurts_only_itself() {
    let ended =
        model("os.write(1, b'{\"ok\": true}\\n'); subprocess.run('echo from a sub-process >&2', shell=True)")
            .run();
    ended.outputs();
    assert_eq!(ended.log, "{\"ok\": true}\nfrom a sub-process\n");
    model("sys.stdout.close(); sys.stderr.close()").run().outputs();
    model("os.close(1); os.close(2); os.close(0)").run().outputs();
    model("assert sys.stdin.read() == ''").run().outputs();
    model("os.write(1, b'\\xff\\xfe\\n'); print('\\ud800')").run().outputs();
    model("os.closerange(3, 100); time.sleep(60)").run().fails_with(&["closed its connection to csw"]);
}

#[test]
fn a_fork_that_comes_back_does_not_answer_twice() {
    let ended = model("if os.fork() == 0: time.sleep(0.1)").run();
    ended.outputs();
}

#[test]
fn children_that_hold_the_streams_do_not_hold_the_job() {
    let started = Instant::now();
    let attempt = model(
        "subprocess.Popen(['sleep', '987.25'])\nsubprocess.Popen(['sleep', '987.25'], start_new_session=True)\nprint('done')",
    );
    let ended = attempt.run();
    ended.outputs();
    assert_eq!(ended.log, "done\n");
    assert!(started.elapsed() < Duration::from_secs(60), "hung");
    assert_eq!(left_over("987.25"), "", "a process of the model survived");
}

#[test]
fn a_time_limit_ends_a_model_that_ignores_sigterm_and_its_children() {
    let attempt = model(
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nsubprocess.Popen(['sleep', '987.5'])\nwhile True: time.sleep(1)",
    )
    .with("time_limit_seconds", 3.0);
    attempt.run().fails_with(&["exceeded its time limit of 3 s"]);
    assert_eq!(left_over("987.5"), "", "a process of the model survived");
}

#[cfg(target_os = "linux")]
#[test]
fn a_memory_limit_ends_the_model_and_counts_its_children() {
    let limit = 150_000_000;
    model("hog = []\nwhile True: hog.append(bytearray(5 << 20)); time.sleep(0.005)")
        .with("memory_bytes", limit)
        .run()
        .fails_with(&["exceeded its memory limit: it held", "allowed are 150 MB"]);
    model(
        "code = 'x = bytearray(90 << 20); import time; time.sleep(60)'\n\
         [subprocess.Popen([sys.executable, '-c', code], start_new_session=True) for _ in range(2)]\ntime.sleep(60)",
    )
    .with("memory_bytes", limit)
    .run()
    .fails_with(&["exceeded its memory limit"]);
    // Forks share the memory of their parent: three times 100 MB are 100 MB here.
    model(
        "hog = bytearray(100 << 20)\nfor _ in range(2):\n    if os.fork() == 0:\n        time.sleep(2); os._exit(0)\ntime.sleep(1)",
    )
    .with("memory_bytes", limit)
    .run()
    .outputs();
}

#[test]
fn sigterm_to_the_executor_ends_the_model_with_a_result() {
    let attempt = model(
        "signal.signal(signal.SIGTERM, lambda *a: (print('cleaned up'), os._exit(0)))\nprint('ready')\nwhile True: time.sleep(1)",
    );
    let mut job = attempt.start().spawn().unwrap();
    await_log(&attempt, "ready");
    signal(job.id(), "TERM");
    let status = job.wait().unwrap();
    let ended = attempt.ended(status.code().unwrap_or(-1));
    ended.fails_with(&["asked to stop (SIGTERM)", "cleaned up"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_killed_executor_takes_the_model_with_it() {
    let attempt = model("subprocess.Popen(['sleep', '987.75'])\nprint('ready')\nwhile True: time.sleep(1)");
    let mut job = attempt.start().spawn().unwrap();
    await_log(&attempt, "ready");
    signal(job.id(), "KILL");
    job.wait().unwrap();
    until(|| left_over("987.75").is_empty());
}

fn await_log(attempt: &Attempt, text: &str) {
    until(|| std::fs::read_to_string(attempt.folder().join("log")).is_ok_and(|l| l.contains(text)));
}

fn until(condition: impl Fn() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < Duration::from_secs(30), "waited too long");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn signal(pid: u32, name: &str) {
    assert!(Command::new("kill").arg(format!("-{name}")).arg(pid.to_string()).status().unwrap().success());
}

/// Processes that sleep for this particular time.
fn left_over(seconds: &str) -> String {
    let output = Command::new("ps").args(["-eo", "pid,args"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().filter(|l| l.trim_end().ends_with(&format!("sleep {seconds}"))).collect()
}

#[test]
fn a_job_folder_without_a_job_is_an_error() {
    let attempt = model("");
    let mut command = attempt.start();
    attempt.sandbox.write("attempt/launch.json", "{}");
    assert_eq!(command.status().unwrap().code(), Some(1));
    let log = attempt.sandbox.read("attempt/log");
    assert!(log.contains("launch.json: line 1, column 2: missing field `task_id`"), "{log}");
    let attempt = attempt.with("task_id", "another");
    assert_eq!(attempt.start().status().unwrap().code(), Some(2));
}
