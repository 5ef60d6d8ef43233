//! `NAME=VALUE` lines. Programs that read such files differ in what backslashes, dollars, quotes inside of a value and
//! blanks mean; a value is taken only where a POSIX shell gives the same one and puts nothing else in its place. No
//! library does that: those for dotenv files put variables in, or keep what a shell takes away.

use std::iter::Peekable;
use std::str::Chars;

/// What begins in a line: a name and its value, or what is wrong with it.
pub(super) struct Line {
    /// From 1.
    pub(super) number: usize,
    pub(super) read: Result<(String, String), String>,
}

/// Everything in a text, comments and empty lines left out.
pub(super) fn read(text: &str) -> Vec<Line> {
    let mut reader = Reader { chars: text.chars().peekable(), line: 1, problem: None };
    let mut lines = Vec::new();
    while reader.chars.peek().is_some() {
        let number = reader.line;
        let read = reader.line();
        // What is wrong is in the line of the text where it is met.
        let problem = reader.problem.take();
        let number = problem.as_ref().map_or(number, |(at, _)| *at);
        match (read, problem) {
            (_, Some((_, reason))) => lines.push(Line { number, read: Err(reason) }),
            (Some(read), None) => lines.push(Line { number, read: Ok(read) }),
            (None, None) => {}
        }
    }
    lines
}

struct Reader<'t> {
    chars: Peekable<Chars<'t>>,
    line: usize,
    /// The first thing that is wrong with what is being read.
    problem: Option<(usize, String)>,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<char> {
        let c = self.chars.next();
        self.line += usize::from(c == Some('\n'));
        c
    }

    fn wrong(&mut self, reason: impl Into<String>) {
        self.problem.get_or_insert((self.line, reason.into()));
    }

    fn blanks(&mut self) -> bool {
        let mut some = false;
        while self.chars.next_if(|c| matches!(c, ' ' | '\t')).is_some() {
            some = true;
        }
        some
    }

    /// Whether the line ends here, or only a comment follows.
    fn at_end(&mut self) -> bool {
        match self.chars.peek() {
            None | Some('\n') => true,
            Some('\r') => {
                let mut ahead = self.chars.clone();
                ahead.next();
                matches!(ahead.peek(), None | Some('\n'))
            }
            Some(_) => false,
        }
    }

    fn skip_line(&mut self) {
        while self.next().is_some_and(|c| c != '\n') {}
    }

    fn line(&mut self) -> Option<(String, String)> {
        self.blanks();
        if self.at_end() || self.chars.peek() == Some(&'#') {
            self.skip_line();
            return None;
        }
        let mut head = String::new();
        while !self.at_end() && self.chars.peek() != Some(&'=') {
            head.extend(self.next());
        }
        if self.chars.peek() != Some(&'=') {
            self.wrong("expected NAME=VALUE");
            self.skip_line();
            return None;
        }
        self.next();
        let spaced = head.ends_with([' ', '\t']);
        let name = name(head.trim_end());
        let exported = name.len() < head.trim_end().len();
        let plain = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        if name.is_empty() || !name.chars().all(plain) || name.starts_with(|c: char| c.is_ascii_digit()) {
            // Not quoted: where a value goes on without quotes, a line of it looks like a name.
            self.wrong(
                "expected a name of letters, digits, `_`, `-` and `.` before the `=`, as in DB_PASSWORD",
            );
        }
        if spaced && exported {
            self.wrong("expected no blank before the `=` behind `export`");
        }
        let value = self.value(spaced);
        self.skip_line();
        Some((name.to_owned(), value))
    }

    /// The value, up to the end of its line; quoted parts may span lines.
    fn value(&mut self, spaced: bool) -> String {
        let mut value = String::new();
        let (mut bare, mut quoted) = (false, false);
        let blank = self.blanks();
        let first = self.chars.peek().copied();
        match first {
            Some('#') if blank => return value,
            Some('#') => self.wrong("expected a value that starts with `#` in quotes"),
            _ if blank && !spaced && !self.at_end() => {
                self.wrong("expected the value directly behind the `=`: a shell takes this for an empty one");
            }
            _ => {}
        }
        let mut before = None;
        while !self.at_end() {
            let Some(c) = self.next() else { break };
            match c {
                ' ' | '\t' => {
                    self.blanks();
                    if self.at_end() || self.chars.peek() == Some(&'#') {
                        break;
                    }
                    self.wrong("expected a value with blanks in quotes");
                }
                '\'' => {
                    quoted = true;
                    self.single(&mut value);
                }
                '"' => {
                    quoted = true;
                    self.double(&mut value);
                }
                '$' if self.chars.peek() == Some(&'\'') => {
                    quoted = true;
                    self.next();
                    self.escaped(&mut value);
                }
                '$' => {
                    bare = true;
                    value.push(self.dollar());
                }
                '\\' => match self.next() {
                    // What `printf %q` puts before anything special, between quoted parts too.
                    Some(c) if c.is_ascii_punctuation() || c == ' ' || c == '\t' => value.push(c),
                    Some('\n') | None => self.wrong("expected a value of several lines in quotes"),
                    Some(_) => self.wrong(
                        "expected a value with backslashes in single quotes: a shell takes this one away",
                    ),
                },
                '`' | ';' | '&' | '|' | '<' | '>' | '(' | ')' => {
                    self.wrong(format!(
                        "expected a value with `{c}` in quotes: to a shell it means something"
                    ));
                }
                '~' if matches!(before, None | Some(':')) => {
                    self.wrong("expected a value with `~` in quotes: a shell puts a home folder there");
                }
                c if c.is_control() => self.wrong("expected a value with control characters in quotes"),
                c => {
                    bare = true;
                    value.push(c);
                }
            }
            before = Some(c);
        }
        if bare && quoted {
            self.wrong("expected quotes around all of the value, not around a part of it");
        }
        value
    }

    fn single(&mut self, value: &mut String) {
        let begun = self.line;
        loop {
            match self.next() {
                Some('\'') => return,
                Some(c) => value.push(c),
                None => return self.open(begun, '\''),
            }
        }
    }

    fn double(&mut self, value: &mut String) {
        let begun = self.line;
        loop {
            match self.next() {
                Some('"') => return,
                Some('\\') => match self.next() {
                    Some(c @ ('"' | '\\' | '$' | '`')) => value.push(c),
                    Some('\n') => {}
                    Some(_) => self.wrong(
                        "expected no backslash between double quotes but before `\"`, `\\`, `$` and `` ` ``: shells keep it, others don't; use single quotes, or $'…' for line breaks",
                    ),
                    None => return self.open(begun, '"'),
                },
                Some('$') => {
                    let c = self.dollar();
                    value.push(c);
                }
                Some('`') => self.wrong("expected a value with a backquote in single quotes: a shell runs it"),
                Some(c) => value.push(c),
                None => return self.open(begun, '"'),
            }
        }
    }

    /// `$'…'`: how shells write what can't be seen.
    fn escaped(&mut self, value: &mut String) {
        let begun = self.line;
        loop {
            match self.next() {
                Some('\'') => return,
                Some('\\') => match self.next() {
                    Some('n') => value.push('\n'),
                    Some('r') => value.push('\r'),
                    Some('t') => value.push('\t'),
                    Some('a') => value.push('\u{7}'),
                    Some('b') => value.push('\u{8}'),
                    Some('e' | 'E') => value.push('\u{1b}'),
                    Some('f') => value.push('\u{c}'),
                    Some('v') => value.push('\u{b}'),
                    Some(c @ ('\\' | '\'' | '"' | '?')) => value.push(c),
                    Some(_) => self
                        .wrong("expected no bytes by their numbers between $' and ': write them as they are"),
                    None => return self.open(begun, '\''),
                },
                Some(c) => value.push(c),
                None => return self.open(begun, '\''),
            }
        }
    }

    /// A dollar that stands for itself.
    fn dollar(&mut self) -> char {
        let special = |c: &char| c.is_ascii_alphanumeric() || "_{($*@#?-!\"'".contains(*c);
        if self.chars.peek().is_some_and(special) {
            self.wrong("expected a value with `$` in single quotes: a shell puts something else there");
        }
        '$'
    }

    fn open(&mut self, begun: usize, quote: char) {
        self.problem.get_or_insert((begun, format!("expected a closing `{quote}` of the value")));
    }
}

/// The name without what shells put before it.
fn name(head: &str) -> &str {
    let after = |word: &str| {
        let rest = head.strip_prefix(word)?;
        rest.starts_with([' ', '\t']).then(|| rest.trim_start())
    };
    if let Some(name) = after("export") {
        return name;
    }
    let declared = after("declare").or_else(|| after("typeset"));
    let option = declared.and_then(|rest| rest.strip_prefix('-')?.split_once([' ', '\t']));
    // Other options change the value: `-i`, `-u`.
    match option.filter(|(option, _)| option.contains('x') && option.chars().all(|c| "gxr".contains(c))) {
        Some((_, name)) => name.trim_start(),
        None => head,
    }
}

#[cfg(test)]
mod tests {
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
}
