//! Models that are commands.

use serde_json::json;

use super::Attempt;

#[test]
fn a_command_reads_a_request_and_writes_a_result() {
    let script = r#"
request=$(cat)
echo "note" >&2
case $request in
  *'"task":"version"'*) echo '{"version": "0.9"}' ;;
  *) printf '{"renderable": [], "downloadable": [{"media_type": "Text", "title": "request", "data": "%s"}]}' "$(printf %s "$request" | tr -d '"')" ;;
esac
"#;
    let ended = Attempt::command(script).kwargs(json!({"adjustment": {"a": {"b": 1}}})).run();
    assert_eq!(
        ended.outputs()["downloadable"][0]["data"],
        "{task:sim,meta_param_dict:{},adjustment:{a:{b:1}}}"
    );
    assert_eq!(ended.result["model_version"], "0.9");
    assert_eq!(ended.log, "note\nnote\n");
}

#[test]
fn a_request_that_nobody_reads_is_no_failure() {
    let script = "exec 0<&-; echo '{\"version\": \"1\", \"renderable\": [], \"downloadable\": []}'\n";
    let ended = Attempt::command(script).kwargs(json!({"adjustment": {"a": "x".repeat(1 << 20)}})).run();
    ended.outputs();
}

#[test]
fn failures_tell_the_exit_and_the_last_lines() {
    Attempt::command("cat >/dev/null; echo oh no >&2; exit 3").run().fails_with(&[
        "The command failed at the task `version`",
        "The command `sh model.sh` ended with exit code 3.",
        "The last lines that it printed:\n  oh no",
    ]);
    Attempt::command("kill -SEGV $$").with("task", "defaults").run().fails_with(&["by signal SIGSEGV"]);
    Attempt::command("echo hello")
        .with("task", "defaults")
        .run()
        .fails_with(&["The command's stdout is not one JSON object", "It starts with:\n  hello"]);
    Attempt::command("true").with("task", "parse").run().fails_with(&["wrote no result on stdout"]);
    Attempt::command("echo '{}'")
        .with("task", "defaults")
        .run()
        .fails_with(&["`meta_parameters` is missing"]);
    Attempt::command("")
        .with("entry", json!({"command": {"argv": ["./nothing-here"]}}))
        .run()
        .fails_with(&["nothing-here` was not found"]);
}

#[test]
fn a_command_that_leaves_a_process_behind_still_ends() {
    let script = "cat >/dev/null; sleep 1000 & echo '{\"version\": \"1\"}'\n";
    let ended = Attempt::command(script).with("task", "version").run();
    assert_eq!(ended.outputs(), &json!({"version": "1"}));
}

#[test]
fn a_command_is_ended_at_its_time_limit() {
    let script = "trap '' TERM; while :; do sleep 1; done\n";
    let ended = Attempt::command(script).with("task", "version").with("time_limit_seconds", 0.5).run();
    ended.fails_with(&["exceeded its time limit of 0.5 s"]);
}

#[test]
fn a_secret_that_a_length_limit_would_cut_is_masked_whole() {
    // The story of a failure quotes the first 200 characters of stdout: the secret begins at each place around that.
    for before in [150, 180, 190, 195, 199, 200] {
        let script = format!("cat >/dev/null; printf '%{before}s%s tail' '' \"$API_KEY\"\n");
        let ended = Attempt::command(&script)
            .with("task", "defaults")
            .with("secret_names", json!(["API_KEY"]))
            .env("API_KEY", "hunter2-hunter2-hunter2-hunter2")
            .run();
        let traceback = ended.traceback();
        assert!(
            traceback.contains("not one JSON object") && !traceback.contains("hunter"),
            "{before}: {traceback}"
        );
        assert!(!traceback.contains("hunt"), "{before}: {traceback}");
    }
    // Wrapped, as `base64` does.
    let script = "cat >/dev/null; printf '%s, %s' \"$API_KEY\" \"$API_KEY\" | base64 >&2; printf %s \"$API_KEY\" | fold -w 7 >&2; exit 1\n";
    let secret = "correct horse battery staple and twenty more words to be long";
    let ended = Attempt::command(script)
        .with("task", "defaults")
        .with("secret_names", json!(["API_KEY"]))
        .env("API_KEY", secret)
        .run();
    for shown in [ended.traceback(), &ended.log] {
        assert!(
            !shown.contains("Y29ycmVjd") && !shown.contains("battery") && !shown.contains("correct"),
            "{shown}"
        );
    }
}
