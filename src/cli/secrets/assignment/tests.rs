//! Values as shells write them.

use proptest::prelude::*;

use super::*;

fn one(text: &str) -> Result<String, String> {
    let lines = read(text);
    assert_eq!(lines.len(), 1, "{text:?}");
    let line = lines.into_iter().next().unwrap();
    line.read.map(|(name, value)| {
        assert_eq!(name, "A", "{text:?}");
        value
    })
}

/// What a shell makes of it.
fn of_shell(shell: &str, text: &str) -> Option<String> {
    let script = format!("{text}\nprintf '%s.' \"$A\"");
    let mut command = std::process::Command::new(shell);
    let output =
        command.args(["-c", &script]).env_clear().env("HOME", "/h").env("x", "other").output().unwrap();
    let said = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| said.strip_suffix('.').map(str::to_owned)).flatten()
}

#[test]
fn what_is_taken_is_what_shells_take() {
    for (text, value) in [
        ("A=b", "b"),
        ("export A=b", "b"),
        ("export\tA=b", "b"),
        ("declare -x A=\"x y\"", "x y"),
        ("A=b#c", "b#c"),
        ("A=b # c", "b"),
        ("A=", ""),
        ("A= # nothing", ""),
        ("A=''", ""),
        ("A=b==", "b=="),
        ("A=https://h:1/p?q=%20", "https://h:1/p?q=%20"),
        ("A='it'\\''s $x\\n'", "it's $x\\n"),
        ("A='it'\"'\"'s'", "it's"),
        ("A=\" a \\\"b\\\" \\$x \\\\ \" # c", " a \"b\" $x \\ "),
        ("A='two\nlines'", "two\nlines"),
        ("A=\"x\\\ny\"", "xy"),
        ("A=x\\ y", "x y"),
        ("A=$'x\\ny\\t\\''", "x\ny\t'"),
        ("A=it\\'s", "it's"),
        ("A=pa\\$word", "pa$word"),
        ("A=a\\#b", "a#b"),
        ("A=\"100$ or $ 5\"", "100$ or $ 5"),
        ("A='{\"k\": \"v\"}'", "{\"k\": \"v\"}"),
    ] {
        assert_eq!(one(text).as_deref(), Ok(value), "{text:?}");
        assert_eq!(of_shell("bash", text).as_deref(), Some(value), "{text:?}");
    }
    // Only of files: shells know no blanks around the sign, and no line ends of Windows.
    for (text, value) in [("A = b", "b"), ("A=b\r\n", "b"), ("A='two\nlines'\r\n", "two\nlines")] {
        assert_eq!(one(text).as_deref(), Ok(value), "{text:?}");
    }
}

#[test]
fn what_others_read_otherwise_is_refused() {
    for text in [
        "A=$x",
        "A=\"$x\"",
        "A=${x}",
        "A=$(id)",
        "A=`id`",
        "A=\"`id`\"",
        "A=$1",
        "A=$\"x\"",
        "A=b c",
        "export A=b c",
        "A= b",
        "A=#b",
        "export A = b",
        "A=x; export A",
        "A=x&y",
        "A=x|y",
        "A=x>y",
        "A=(x)",
        "A=~/x",
        "A=x:~/y",
        "A=x\\\ny",
        "A=C:\\new",
        "A=\"C:\\new\"",
        "A=\"a\\.b\"",
        "A='x #'y",
        "A='x '#y",
        "A={\"k\":\"v\"}",
        "A=$'\\x41'",
        "A=$'\\101'",
        "A='x",
        "A=\"x",
        "A=$'x",
        "declare -ix A=1+1",
        "A: x",
        "$env:A = \"x\"",
        "A",
        "export A",
        "A=x\u{7}y",
    ] {
        let lines = read(text);
        let refused: Vec<&String> = lines.iter().filter_map(|line| line.read.as_ref().err()).collect();
        assert!(
            !refused.is_empty() && refused.iter().all(|r| r.starts_with("expected ")),
            "{text:?}: {refused:?}"
        );
    }
}

#[test]
fn a_reason_has_the_line_in_which_it_is() {
    let lines = read("A=1\n# c\n\nB=\"x\n\\d\n$y\"\nC=2\nD='open\n\n");
    let told: Vec<(usize, bool)> = lines.iter().map(|line| (line.number, line.read.is_ok())).collect();
    assert_eq!(told, [(1, true), (5, false), (7, true), (8, false)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn nothing_is_taken_that_a_shell_reads_otherwise(value in "[a-z \\\\'\"$#~;{}=:\n\t@!*?n0-]{0,12}") {
        let text = format!("A={value}");
        let lines = read(&text);
        if let [Line { read: Ok((name, value)), .. }] = lines.as_slice() && name == "A" {
            let of_shell = of_shell("bash", &text);
            prop_assert_eq!(of_shell.as_deref(), Some(value.as_str()), "{:?}", text);
        }
    }

    #[test]
    fn what_is_exported_comes_back(value in "(?s:.{0,20})") {
        prop_assume!(!value.contains('\0'));
        let text = format!("A='{}'\n", value.replace('\'', r"'\''"));
        prop_assert_eq!(one(&text), Ok(value));
    }
}
