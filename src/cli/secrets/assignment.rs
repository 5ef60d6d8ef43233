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
mod tests;
