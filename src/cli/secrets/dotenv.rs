//! What `import` reads: `NAME=VALUE` lines as shells write them, or a JSON object of texts. Messages never quote a value.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::secret::{SecretName, SecretValue};

/// The secrets of a text, or all that is wrong with it, each with its place in `origin`.
pub(super) fn parse(origin: &str, text: &str) -> Result<BTreeMap<SecretName, SecretValue>, Vec<String>> {
    let text = text.trim_start_matches('\u{feff}');
    if text.trim_start().starts_with('{') { parse_json(origin, text) } else { parse_lines(origin, text) }
}

fn parse_json(origin: &str, text: &str) -> Result<BTreeMap<SecretName, SecretValue>, Vec<String>> {
    let object: BTreeMap<String, Value> = serde_json::from_str(text)
        .map_err(|e| vec![format!("{origin}:{}:{}: not a JSON object", e.line(), e.column())])?;
    let mut found = Collector::default();
    for (name, value) in object {
        match value {
            Value::String(value) => found.add(&format!("{origin}: key `{name}`"), &name, value),
            _ => found.problems.push(format!("{origin}: key `{name}`: expected a text")),
        }
    }
    found.done()
}

fn parse_lines(origin: &str, text: &str) -> Result<BTreeMap<SecretName, SecretValue>, Vec<String>> {
    let mut found = Collector::default();
    let mut rest = text;
    let mut line = 1;
    while !rest.is_empty() {
        let place = format!("{origin}:{line}");
        let before = rest.len();
        let start = rest.trim_start_matches([' ', '\t']);
        let (head, tail) = start.split_at(start.find('\n').map_or(start.len(), |i| i + 1));
        if head.trim().is_empty() || head.starts_with('#') {
            rest = tail;
        } else if let Some((name, after)) = start.split_once('=').filter(|(name, _)| !name.contains('\n')) {
            let name = name.trim();
            let name = name.strip_prefix("export ").map_or(name, str::trim_start);
            match read_value(after) {
                Ok((value, tail)) => {
                    found.add(&place, name, value);
                    rest = tail;
                }
                Err(expected) => {
                    found.problems.push(format!("{place}: expected {expected}"));
                    rest = tail;
                }
            }
        } else {
            found.problems.push(format!("{place}: expected NAME=VALUE"));
            rest = tail;
        }
        let read = text.get(text.len() - before..text.len() - rest.len()).unwrap_or_default();
        line += read.matches('\n').count();
    }
    found.done()
}

/// A value up to the end of its line, and what comes after that line. Quoted parts may span lines.
fn read_value(text: &str) -> Result<(String, &str), &'static str> {
    let mut value = String::new();
    let mut chars = text.char_indices().peekable();
    // Blanks at the end of an unquoted value are not part of it; inside quotes they are.
    let mut solid = 0;
    while let Some((i, c)) = chars.next() {
        match c {
            '\n' => {
                value.truncate(solid);
                return Ok((value, text.get(i + 1..).unwrap_or_default()));
            }
            '#' if value.ends_with([' ', '\t']) || value.is_empty() && solid == 0 && i > 0 => {
                let tail = text.get(i..).and_then(|t| t.split_once('\n')).map_or("", |(_, tail)| tail);
                value.truncate(solid);
                return Ok((value, tail));
            }
            ' ' | '\t' | '\r' if value.is_empty() => {}
            '\'' => loop {
                match chars.next() {
                    Some((_, '\'')) => break,
                    Some((_, c)) => value.push(c),
                    None => return Err("a closing ' of the value"),
                }
            },
            '"' => loop {
                match chars.next() {
                    Some((_, '"')) => break,
                    Some((_, '\\')) => match chars.next() {
                        Some((_, 'n')) => value.push('\n'),
                        Some((_, 'r')) => value.push('\r'),
                        Some((_, 't')) => value.push('\t'),
                        Some((_, c @ ('"' | '\\' | '$' | '`'))) => value.push(c),
                        Some((_, c)) => value.extend(['\\', c]),
                        None => return Err("a closing \" of the value"),
                    },
                    Some((_, c)) => value.push(c),
                    None => return Err("a closing \" of the value"),
                }
            },
            // `'it'\''s'`: how shells put a quote between quotes.
            '\\' if chars.peek().is_some_and(|(_, c)| matches!(c, '\'' | '"')) => {
                value.extend(chars.next().map(|(_, c)| c));
            }
            c => value.push(c),
        }
        if !matches!(c, ' ' | '\t' | '\r') {
            solid = value.len();
        }
    }
    value.truncate(solid);
    Ok((value, ""))
}

#[derive(Default)]
struct Collector {
    secrets: BTreeMap<SecretName, SecretValue>,
    problems: Vec<String>,
}

impl Collector {
    fn add(&mut self, place: &str, name: &str, value: String) {
        let parsed = name.parse::<SecretName>().and_then(|name| Ok((name, SecretValue::new(value)?)));
        match parsed {
            Ok((name, _)) if self.secrets.contains_key(&name) => {
                self.problems.push(format!("{place}: `{name}` is there twice"));
            }
            Ok((name, value)) => drop(self.secrets.insert(name, value)),
            Err(e) => self.problems.push(format!("{place}: {e}")),
        }
    }

    fn done(self) -> Result<BTreeMap<SecretName, SecretValue>, Vec<String>> {
        if self.problems.is_empty() { Ok(self.secrets) } else { Err(self.problems) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        let secrets = parse("f", text).unwrap();
        secrets.into_iter().map(|(name, value)| (name.to_string(), value.expose().to_owned())).collect()
    }

    fn one(text: &str) -> String {
        pairs(text).remove(0).1
    }

    #[test]
    fn values_are_read_as_shells_do() {
        assert_eq!(one("A=b"), "b");
        assert_eq!(one("export A = b c  # comment\n"), "b c");
        assert_eq!(one("A=b#c"), "b#c");
        assert_eq!(one("A=$HOME"), "$HOME");
        assert_eq!(one("A='it'\\''s $x\\n'"), "it's $x\\n");
        assert_eq!(one("A=\" a\\n\\\"b\\\" \" # c"), " a\n\"b\" ");
        assert_eq!(one("A='two\nlines'\r\n"), "two\nlines");
        assert_eq!(one("A="), "");
        assert_eq!(one("A=''"), "");
        assert_eq!(one("A=b\r\n"), "b");
        assert_eq!(one("A=b=="), "b==");
        assert_eq!(one("A= # nothing"), "");
    }

    #[test]
    fn json_is_told_by_its_brace() {
        assert_eq!(
            pairs("\n {\"B\": \"x\\ny\", \"A\": \"1\"}"),
            [("A".into(), "1".into()), ("B".into(), "x\ny".into())]
        );
    }

    #[test]
    fn every_problem_is_named_with_its_line_and_no_value() {
        let problems =
            parse("f", "A='two\nlines'\n# c\nhunter2\nA=hunter2\nb b=1\nC='open hunter2").unwrap_err();
        assert_eq!(
            problems,
            [
                "f:4: expected NAME=VALUE",
                "f:5: `A` is there twice",
                "f:6: invalid secret name `b b`: expected 1 to 253 characters without `/`, `=`, blanks and control characters, as in DB_PASSWORD",
                "f:7: expected a closing ' of the value",
            ]
        );
        assert_eq!(parse("f", "{\"A\": 1}").unwrap_err(), ["f: key `A`: expected a text"]);
        assert_eq!(parse("f", "{\"A\": \"hunter2\"").unwrap_err(), ["f:1:15: not a JSON object"]);
    }
}
