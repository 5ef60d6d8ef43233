//! What shells get at TAB, and the manual pages.

mod shells;
mod values;

use std::process::Command;

use crate::support::{Sandbox, missing, on_path};

/// What the program answers when a shell asks for the last of these words.
fn candidates(sandbox: &Sandbox, words: &[&str]) -> Vec<String> {
    let index = words.len() - 1;
    let answer = sandbox
        .csw(["--"].iter().chain(words))
        .env("CSW_COMPLETE", "bash")
        .env("_CLAP_COMPLETE_INDEX", index.to_string())
        .env("_CLAP_COMPLETE_COMP_TYPE", "9")
        .env("_CLAP_COMPLETE_SPACE", "true")
        .env("_CLAP_IFS", "\n")
        .output();
    assert_eq!((answer.code, answer.stderr.as_str()), (0, ""), "{words:?}");
    answer.stdout.lines().map(|l| l.trim_end().to_owned()).collect()
}

#[test]
fn commands_and_flags_are_completed() {
    let sandbox = Sandbox::new();
    assert_eq!(candidates(&sandbox, &["csw", "secrets", "ro"]), ["rotate-key"]);
    assert!(candidates(&sandbox, &["csw", "secrets", "export", "--y"]).contains(&"--yes".to_owned()));
}

#[test]
fn model_names_are_completed() {
    let sandbox = Sandbox::new();
    for file in ["config/PSLmodels/OG-USA.yaml", "config/PSLmodels/Tax-Cruncher.yaml"] {
        sandbox.write(file, "");
    }
    assert_eq!(
        candidates(&sandbox, &["csw", "models", "-n", "psl"]),
        ["PSLmodels/OG-USA", "PSLmodels/Tax-Cruncher"]
    );
    let more = ["csw", "models", "-n", "PSLmodels/OG-USA,PSLmodels/T"];
    assert_eq!(candidates(&sandbox, &more), ["PSLmodels/OG-USA,PSLmodels/Tax-Cruncher"]);
}

#[test]
fn job_ids_are_completed_from_the_scheduler() {
    let sandbox = Sandbox::new();
    // Nobody listens there: nothing is offered, and nothing is said.
    sandbox.write("csw.yaml", "scheduler: http://127.0.0.1:1\n");
    assert_eq!(candidates(&sandbox, &["csw", "jobs", "status", "r"]), [""; 0]);

    sandbox.sh_model("Echo", "cat");
    let up = sandbox.up(&[]);
    sandbox.write("csw.yaml", format!("scheduler: {}\n", up.url));
    for id in ["run-1", "other"] {
        sandbox.csw(["jobs", "submit", "-n", "Test/Echo", "--id", id]).ok();
    }
    assert_eq!(candidates(&sandbox, &["csw", "jobs", "status", "run"]), ["run-1"]);
}

#[test]
fn bash_takes_the_script() {
    if !on_path("bash") {
        return missing("bash", "not on PATH");
    }
    let sandbox = Sandbox::new();
    sandbox.write("csw.bash", sandbox.csw(["completions", "bash"]).ok());
    let script = "set -eu; . ./csw.bash; COMP_WORDS=(csw secr); COMP_CWORD=1; COMP_TYPE=9
        $(complete -p csw | sed 's/.*-F \\([^ ]*\\).*/\\1/') csw secr csw; printf '%s\\n' \"${COMPREPLY[@]}\"";
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_csw")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let output = Command::new("bash")
        .args(["-c", script])
        .current_dir(sandbox.work())
        .env("PATH", path)
        .output()
        .unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(stdout.trim(), "secrets", "{stderr}");
}

#[test]
fn an_unknown_shell_is_a_usage_error() {
    let output = Sandbox::new().csw(["completions", "tcsh"]).output();
    assert_eq!((output.code, output.stdout.as_str()), (2, ""));
}

#[test]
fn there_is_a_manual_page_a_command() {
    let sandbox = Sandbox::new();
    sandbox.csw(["man", "man1"]).ok();
    let page = |name: &str| sandbox.read(&format!("man1/{name}.1"));
    assert!(page("csw").contains(".SH NAME"));
    assert!(page("csw").contains(".SH \"EXIT CODES\""));
    assert!(page("csw-secrets-rotate-key").contains("The old key no longer decrypts it"));
}
