//! What `import` reads: `NAME=VALUE` lines that every shell reads the same way, or a JSON object of texts. Messages never
//! quote a value.

use std::collections::BTreeMap;

use serde_json::Value;

use super::assignment;
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
    for line in assignment::read(text) {
        let place = format!("{origin}:{}", line.number);
        match line.read {
            Ok((name, value)) => found.add(&place, &name, value),
            Err(reason) => found.problems.push(format!("{place}: {reason}")),
        }
    }
    found.done()
}

#[derive(Default)]
struct Collector {
    secrets: BTreeMap<SecretName, SecretValue>,
    problems: Vec<String>,
}

impl Collector {
    fn add(&mut self, place: &str, name: &str, value: String) {
        let Ok(name) = name.parse::<SecretName>() else {
            // Not quoted: what stands in a wrong place may be a value.
            let reason =
                "expected a name: 1 to 253 characters without `/`, `=`, blanks and control characters";
            self.problems.push(format!("{place}: {reason}"));
            return;
        };
        match SecretValue::new(value).map(|value| (name, value)) {
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
            parse("f", "A='two\nlines'\n# c\nhunter2\nA=hunter2\nhunt er2=1\nC='open hunter2").unwrap_err();
        assert!(problems.iter().all(|p| !p.contains("hunt")), "{problems:?}");
        let starts = [
            "f:4: expected NAME=VALUE",
            "f:5: `A` is there twice",
            "f:6: expected a name",
            "f:7: expected a closing `'`",
        ];
        assert!(
            problems.iter().zip(starts).all(|(p, s)| p.starts_with(s)) && problems.len() == 4,
            "{problems:?}"
        );
        assert_eq!(parse("f", "{\"A\": 1}").unwrap_err(), ["f: key `A`: expected a text"]);
        assert_eq!(parse("f", "{\"A\": \"hunter2\"").unwrap_err(), ["f:1:15: not a JSON object"]);
    }
}
