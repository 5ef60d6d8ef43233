//! Help, usage errors, verbosity and colour.

mod examples;
mod headings;
mod places;
mod project;
mod words;

use std::io::Read as _;
use std::process::Stdio;

use crate::support::Sandbox;

#[test]
fn an_unknown_command_is_a_usage_error() {
    let output = Sandbox::new().csw(["frobnicate"]).output();
    assert_eq!(output.code, 2);
    assert_eq!(output.stdout, "");
    assert!(output.stderr.contains("unrecognized subcommand 'frobnicate'"), "{}", output.stderr);
}

#[test]
fn a_typo_is_answered_with_the_nearest_command() {
    let output = Sandbox::new().csw(["secrest", "list"]).output();
    assert!(output.stderr.contains("'secrets'"), "{}", output.stderr);
}

#[test]
fn the_version_names_the_commit() {
    let version = Sandbox::new().csw(["--version"]).ok();
    assert!(version.starts_with(concat!("csw ", env!("CARGO_PKG_VERSION"))), "{version}");
    assert_eq!(version.trim_end(), format!("csw {}", env!("CSW_VERSION")));
}

#[test]
fn help_tells_the_exit_codes() {
    let help = Sandbox::new().csw(["--help"]).ok();
    for code in ["   0  ", "   1  ", "   2  ", "   3  ", "   4  ", "   5  ", "  70  ", " 130  "] {
        assert!(help.contains(code), "{help}");
    }
}

#[test]
fn every_command_has_a_line_about_it_and_the_last_ones_have_examples() {
    fn check(command: &clap::Command, path: &str, problems: &mut Vec<String>) {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        if about.is_empty() || about.ends_with('.') || about.contains('\n') {
            problems.push(format!("{path}: about is {about:?}"));
        }
        let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        if !command.is_subcommand_required_set() && !after.contains("csw ") {
            problems.push(format!("{path}: no example"));
        }
        for argument in command.get_arguments().filter(|a| a.get_help().is_none() && a.get_id() != "help") {
            problems.push(format!("{path}: no help for {}", argument.get_id()));
        }
        for sub in command.get_subcommands() {
            check(sub, &format!("{path} {}", sub.get_name()), problems);
        }
    }
    let mut problems = Vec::new();
    let mut csw = csw::cli::command();
    csw.build();
    check(&csw, "csw", &mut problems);
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn colour_is_for_terminals_or_who_asks() {
    let sandbox = Sandbox::new();
    let plain = sandbox.csw(["secrets", "get", "a"]).output().stderr;
    assert!(!plain.contains('\u{1b}'));
    for args in
        [["--color", "always", "secrets", "get", "a"], ["secrets", "get", "--color=always", "a", "-q"]]
    {
        let stderr = sandbox.csw(args).env("NO_COLOR", "1").output().stderr;
        assert!(stderr.contains("\u{1b}[1;31merror\u{1b}[0m"), "{stderr:?}");
    }
    assert!(sandbox.csw(["--color=always", "--help"]).ok().contains('\u{1b}'));
    assert!(!sandbox.csw(["--color=never", "--help"]).ok().contains('\u{1b}'));
}

#[test]
fn verbose_tells_what_is_done_without_the_values() {
    let sandbox = Sandbox::new();
    let set = |flags: &[&str]| {
        sandbox.csw(flags.iter().chain(&["secrets", "set", "k"])).stdin("hunter2").output().stderr
    };
    assert!(!set(&[]).contains("secrets written"));
    assert!(set(&["-v"]).contains("secrets written"));
    let everything = set(&["-vvv"]);
    assert!(everything.contains("settings resolved") && !everything.contains("hunter2"), "{everything}");
    assert_eq!(set(&["-q"]), "");
    assert_eq!(sandbox.csw(["-q", "-v", "secrets", "list"]).output().code, 2);
}

#[test]
fn a_reader_that_goes_away_ends_the_program_quietly() {
    let sandbox = Sandbox::new();
    // More than a pipe holds, so that the program is writing when the reader goes.
    let many: String = (0..3000).map(|n| format!("NAME_{n}='{}'\n", "x".repeat(60))).collect();
    sandbox.csw(["secrets", "import", "-"]).stdin(many).ok();
    let mut command = sandbox.csw(["secrets", "export", "--yes"]).into_command();
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = [0; 4];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap(); // and it is dropped
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}
