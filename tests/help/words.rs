//! `csw help`, `csw version`, and what is said to words that csw does not know.

use serde_json::Value;

use super::headings::every_command;
use crate::support::Sandbox;

#[test]
fn help_is_a_word_before_and_after_a_command_too() {
    let sandbox = Sandbox::new();
    for (words, flag) in [
        (&["help"][..], &["--help"][..]),
        (&["help", "jobs"], &["jobs", "--help"]),
        (&["jobs", "help"], &["jobs", "--help"]),
        (&["help", "jobs", "run"], &["jobs", "run", "--help"]),
        (&["jobs", "help", "run"], &["jobs", "run", "--help"]),
        (&["help", "svc", "secrets", "rotate"], &["svc", "secrets", "rotate", "--help"]),
        (&["svc", "secrets", "help", "rotate"], &["svc", "secrets", "rotate", "--help"]),
        (&["help", "services"], &["services", "--help"]),
        (&["help", "api-task"], &["api-task", "--help"]),
        (&["help", "help"], &["help", "--help"]),
    ] {
        let output = sandbox.csw(words).output();
        assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{words:?}");
        assert_eq!(output.stdout, sandbox.csw(flag).ok(), "{words:?}");
    }
    assert!(sandbox.csw(["--color=always", "help", "jobs"]).ok().contains('\u{1b}'));
    let unknown = sandbox.csw(["help", "secrest"]).output();
    assert_eq!((unknown.code, unknown.stdout.as_str()), (2, ""));
    assert!(unknown.stderr.contains("'secrets'"), "{}", unknown.stderr);
    assert_eq!(sandbox.csw(["help", "jobs", "fly"]).output().code, 2);
}

#[test]
fn version_is_a_word_too() {
    let sandbox = Sandbox::new();
    assert_eq!(sandbox.csw(["version"]).ok(), sandbox.csw(["--version"]).ok());
    let view: Value = serde_json::from_str(&sandbox.csw(["version", "-o", "json"]).ok()).unwrap();
    assert_eq!(view["version"], env!("CARGO_PKG_VERSION"));
    assert!(env!("CSW_VERSION").contains(view["commit"].as_str().unwrap_or("2.")), "{view}");
    assert_eq!(sandbox.csw(["version", "-o", "name"]).ok().trim(), env!("CARGO_PKG_VERSION"));
    assert!(sandbox.csw(["version", "-o", "yaml"]).ok().contains("version: "));
}

#[test]
fn words_that_were_probably_meant_otherwise_are_pointed_on() {
    let sandbox = Sandbox::new();
    for (words, tip) in [
        ("job list", "csw jobs list"),
        ("job ls", "csw jobs ls"),
        ("job run -n Examples/Solow", "csw jobs run"),
        ("job", "csw jobs"),
        ("job status run-1", "csw jobs status"),
        ("run", "csw jobs run"),
        ("submit -n A/B", "csw jobs submit"),
        ("doctor", "csw cluster doctor"),
        ("lint", "csw models lint"),
        ("build", "csw models build"),
        ("promote", "csw images promote"),
        ("model list", "'models'"),
        ("image list", "'images'"),
        ("secret list", "'secrets'"),
        ("service build", "'services'"),
        ("svc build -o build.json", "--out"),
    ] {
        let output = sandbox.csw(words.split(' ')).output();
        assert_eq!((output.code, output.stdout.as_str()), (2, ""), "{words}");
        assert!(output.stderr.contains(tip), "{words}: {}", output.stderr);
    }
}

#[test]
fn what_csw_starts_itself_has_a_section_of_its_own() {
    let sandbox = Sandbox::new();
    for flag in ["-h", "--help"] {
        let help = sandbox.csw([flag]).ok();
        let (_, rest) = help.split_once("\nCommands:\n").unwrap();
        let (people, rest) = rest.split_once("\nStarted by csw itself").unwrap();
        let (machines, _) = rest.split_once("\n\nGlobal options:").unwrap();
        every_command(&mut |path, command| {
            let Some(name) = path.strip_prefix("csw ").filter(|name| !name.contains(' ')) else { return };
            let named =
                |section: &str| section.lines().any(|line| line.trim().starts_with(&format!("{name} ")));
            assert_eq!(named(people), !command.is_hide_set(), "{name} in\n{people}");
            assert_eq!(named(machines), command.is_hide_set(), "{name} in\n{machines}");
        });
    }
}

/// At 60 and 80 columns nothing is wider but what is one word, an example, or a table.
#[test]
fn help_fits_narrow_terminals() {
    let mut problems = Vec::new();
    for width in [60, 80] {
        every_command(&mut |path, command| {
            for (long, help) in [
                (false, command.clone().term_width(width).render_help()),
                (true, command.clone().term_width(width).render_long_help()),
            ] {
                for line in help.to_string().lines().filter(|line| line.chars().count() > width) {
                    let words = line.split_whitespace().count();
                    // Nothing can be done about one word, or about the name of an option with its value.
                    if words > 2 {
                        problems.push(format!("{path} at {width} (long: {long}): {line}"));
                    }
                }
            }
        });
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// `-o` is a format everywhere, and takes the same ones; files have `--out`.
#[test]
fn options_mean_the_same_everywhere() {
    let mut problems = Vec::new();
    every_command(&mut |path, command| {
        for option in command.get_arguments().filter(|a| a.get_long().is_some()) {
            let (long, short) = (option.get_long().unwrap_or_default(), option.get_short());
            let values: Vec<String> =
                option.get_possible_values().iter().map(|v| v.get_name().to_owned()).collect();
            let of_format = option.get_value_names().is_some_and(|names| names == ["FORMAT"]);
            if (short == Some('o'), long == "output", of_format) != (of_format, of_format, short == Some('o'))
            {
                problems.push(format!("{path}: {option} is {short:?} --{long}"));
            }
            let known: &[&str] =
                if path.ends_with("secrets export") { &["json"] } else { &["table", "json", "yaml", "name"] };
            if of_format && known.iter().any(|format| !values.iter().any(|v| v == format)) {
                problems.push(format!("{path}: -o takes {values:?}"));
            }
            if long == "out" && (of_format || short.is_some()) {
                problems.push(format!("{path}: --out is no path"));
            }
        }
    });
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
