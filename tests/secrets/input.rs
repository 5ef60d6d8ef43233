use crate::support::Sandbox;

#[test]
fn a_value_on_stdin_loses_one_line_break() {
    let sandbox = Sandbox::new();
    for (typed, kept) in
        [("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), (" a ", " a "), ("two\nlines\n", "two\nlines")]
    {
        let set = sandbox.csw(["secrets", "set", "k"]).stdin(typed).output();
        assert_eq!(set.code, 0, "{}", set.stderr);
        assert!(!set.stderr.contains("warning"), "{}", set.stderr);
        assert_eq!(sandbox.csw(["secrets", "get", "k"]).ok(), format!("{kept}\n"));
    }
}

#[test]
fn an_empty_pipe_does_not_empty_a_secret() {
    let sandbox = Sandbox::new();
    sandbox.csw(["secrets", "set", "k"]).stdin("v").ok();
    for stdin in ["", "\n"] {
        let output = sandbox.csw(["secrets", "set", "k"]).stdin(stdin).output();
        assert_eq!(output.code, 1);
        assert!(output.stderr.contains("stdin is empty"), "{}", output.stderr);
    }
    let binary = sandbox.csw(["secrets", "set", "k"]).stdin([0xff, 0xfe]).output();
    assert_eq!(binary.code, 1);
    assert!(binary.stderr.contains("not UTF-8"), "{}", binary.stderr);
    assert_eq!(sandbox.csw(["secrets", "get", "k"]).ok(), "v\n");
    sandbox.csw(["secrets", "set", "-s", "k", "-v", ""]).ok();
    assert_eq!(sandbox.csw(["secrets", "get", "k"]).ok(), "\n");
}

#[test]
fn a_value_may_begin_with_a_dash() {
    let sandbox = Sandbox::new();
    sandbox.csw(["-v", "secrets", "set", "-s", "k", "-v", "-x", "--verbose"]).ok();
    assert_eq!(sandbox.csw(["secrets", "get", "k"]).ok(), "-x\n");
}

#[test]
fn quiet_keeps_the_warning_to_itself() {
    let output = Sandbox::new().csw(["-q", "secrets", "set", "k", "v"]).output();
    assert_eq!((output.code, output.stdout.as_str(), output.stderr.as_str()), (0, "", ""));
}

#[test]
fn an_export_can_be_imported() {
    let sandbox = Sandbox::new();
    let values = [("A", "it's \"x\" $HOME `id`\\n"), ("B", "two\nlines\n"), ("C", ""), ("D", " #é ")];
    let json: serde_json::Map<_, _> = values.iter().map(|(k, v)| ((*k).to_owned(), (*v).into())).collect();
    sandbox.csw(["secrets", "import", "-"]).stdin(serde_json::to_string(&json).unwrap()).ok();
    for format in ["env", "json"] {
        let text = sandbox.csw(["secrets", "export", "--yes", "-o", format]).ok();
        sandbox.write("all", &text);
        sandbox.csw(["models", "-n", "A/B", "secrets", "import", "all"]).ok();
        for (name, value) in values {
            let got = sandbox.csw(["models", "-n", "A/B", "secrets", "get", name]).ok();
            assert_eq!(got, format!("{value}\n"), "{format}");
        }
        sandbox.csw(["models", "-n", "A/B", "secrets", "delete", "A", "B", "C", "D"]).ok();
    }
    // A shell reads the lines as we do.
    let script = format!("{}\nprintf %s \"$A\"", sandbox.csw(["secrets", "export", "-y"]).ok());
    let shell = std::process::Command::new("sh").arg("-c").arg(script).output().unwrap();
    assert_eq!(String::from_utf8(shell.stdout).unwrap(), values[0].1);
}

#[test]
fn an_export_asks_or_wants_yes() {
    let sandbox = Sandbox::new();
    sandbox.csw(["secrets", "set", "k"]).stdin("hunter2").ok();
    let output = sandbox.csw(["secrets", "export"]).output();
    assert_eq!((output.code, output.stdout.as_str()), (2, ""));
    assert!(output.stderr.contains("--yes"), "{}", output.stderr);
}

#[test]
fn a_bad_import_changes_nothing_and_quotes_no_value() {
    let sandbox = Sandbox::new();
    let output = sandbox.csw(["secrets", "import", "-"]).stdin("A=1\nhunter2\nB B=hunter2\n").output();
    assert_eq!(output.code, 1);
    insta::assert_snapshot!(output.stderr, @r"
    error: stdin:2: expected NAME=VALUE
    stdin:3: expected a name of letters, digits, `_`, `-` and `.` before the `=`, as in DB_PASSWORD
      hint: Nothing was changed
    ");
    assert_eq!(sandbox.csw(["secrets", "list", "-o", "json"]).ok(), "{}\n");
    assert_eq!(sandbox.csw(["secrets", "import", "absent"]).output().code, 1);
    assert_eq!(sandbox.csw(["secrets", "import", "-"]).stdin("# nothing\n").output().code, 1);
}
