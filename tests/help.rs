//! `csw --help` and usage errors.

use crate::support::Sandbox;

#[test]
fn an_unknown_command_is_a_usage_error() {
    let output = Sandbox::new().csw(["frobnicate"]).output();
    assert_eq!(output.code, 2);
    assert_eq!(output.stdout, "");
    assert!(output.stderr.contains("unrecognized subcommand 'frobnicate'"), "{}", output.stderr);
}
