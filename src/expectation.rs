//! What a parser has to say about a text that may hold secrets: where, and what was expected. Its own words may quote
//! the text.

/// `line 3, column 7: expected a string`.
pub fn json(error: &serde_json::Error) -> String {
    json_from(error, 0)
}

/// As [`json`], of a text that has `lines` lines before it.
pub fn json_from(error: &serde_json::Error, lines: usize) -> String {
    let words = error.to_string();
    let words = words.rsplit_once(" at line ").map_or(words.as_str(), |(words, _)| words);
    let said = match error.classify() {
        // These are the parser's own, and none of them holds a part of the text.
        serde_json::error::Category::Syntax | serde_json::error::Category::Eof => words.to_owned(),
        serde_json::error::Category::Data => {
            expected(words).unwrap_or_else(|| "not what belongs here".into())
        }
        serde_json::error::Category::Io => return words.to_owned(),
    };
    placed(error.line(), lines, error.column(), &said)
}

/// `line 3, column 7: expected a mapping`.
pub fn yaml(error: &serde_saphyr::Error) -> String {
    yaml_from(error, 0)
}

/// As [`yaml`], of a text that has `lines` lines before it.
pub fn yaml_from(error: &serde_saphyr::Error, lines: usize) -> String {
    let plain = error.without_snippet();
    let words = plain.to_string();
    let words = words.lines().next().unwrap_or_default();
    let words = words.rsplit_once(" at line ").map_or(words, |(words, _)| words);
    let quotes = may_quote(plain) || words.contains(['`', '"', '\'']);
    let said = match plain {
        serde_saphyr::Error::DuplicateMappingKey { .. } => "a key that is there already".to_owned(),
        _ => expected(words).unwrap_or_else(|| match quotes {
            true => "not what belongs here".to_owned(),
            false => words.to_owned(),
        }),
    };
    match error.location() {
        Some(at) => {
            let number = |n: u64| usize::try_from(n).unwrap_or(0);
            placed(number(at.line()), lines, number(at.column()), &said)
        }
        None => said,
    }
}

/// Whether the message of the error may hold a part of the text.
fn may_quote(error: &serde_saphyr::Error) -> bool {
    use serde_saphyr::Error;
    match error {
        Error::AliasError { error, .. } | Error::WithSnippet { error, .. } => may_quote(error),
        _ => matches!(
            error,
            Error::Message { .. }
                | Error::ExternalMessage { .. }
                | Error::NonFiniteFloat { .. }
                | Error::SerdeInvalidType { .. }
                | Error::SerdeInvalidValue { .. }
                | Error::SerdeUnknownVariant { .. }
                | Error::SerdeUnknownField { .. }
                | Error::SerdeVariantId { .. }
                | Error::TaggedEnumMismatch { .. }
                | Error::CyclicInclude { .. }
                | Error::ResolverError { .. }
                | Error::HookError { .. }
                | Error::UnresolvedProperty { .. }
                | Error::InvalidPropertyName { .. }
                | Error::PropertyRequiredButUnset { .. }
                | Error::PropertyRequiredButEmpty { .. }
                | Error::QuotingRequired { .. }
        ),
    }
}

fn placed(line: usize, before: usize, column: usize, said: &str) -> String {
    if line == 0 { said.to_owned() } else { format!("line {}, column {column}: {said}", before + line) }
}

/// The part of a message of serde's that names types and fields of ours.
fn expected(words: &str) -> Option<String> {
    const OURS: [&str; 2] = ["missing field `", "duplicate field `"];
    if OURS.iter().any(|start| words.starts_with(start)) {
        return Some(words.to_owned());
    }
    // What is behind the last one is ours, whatever the text holds.
    words.rsplit_once(", expected ").map(|(_, expected)| format!("expected {expected}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)] // only read
    struct Login {
        user: String,
        port: Option<u16>,
    }

    #[test]
    fn a_place_and_what_was_expected_and_nothing_of_the_text() {
        for (text, said) in [
            (r#"{"user": 1234567}"#, "line 1, column 16: expected a string"),
            (r#"{"user": "x", "port": "hunter2"}"#, "line 1, column 31: expected u16"),
            (r#"{"user": "x", "port": "a, expected hunter2"}"#, "line 1, column 43: expected u16"),
            (r#"{"hunter2": "x"}"#, "line 1, column 10: expected `user` or `port`"),
            (r#"{"port": 1}"#, "line 1, column 11: missing field `user`"),
            (r#"{"user": "hunter2"#, "line 1, column 17: EOF while parsing a string"),
            (r#"{"user": hunter2}"#, "line 1, column 10: expected value"),
        ] {
            assert_eq!(json(&serde_json::from_str::<Login>(text).unwrap_err()), said, "{text}");
            let of_yaml = yaml(
                &serde_saphyr::from_str::<Login>(text)
                    .err()
                    .unwrap_or_else(|| serde_saphyr::from_str::<Login>("hunter2").unwrap_err()),
            );
            assert!(of_yaml.starts_with("line ") && !of_yaml.contains("hunter2"), "{text}: {of_yaml}");
        }
        for text in
            ["user: [hunter2", "user: hunter2: x", "user: *hunter2", "hunter2\nuser: x", "? [hunter2]\n: x"]
        {
            let error = serde_saphyr::from_str::<Login>(text).unwrap_err();
            assert!(!yaml(&error).contains("hunter2"), "{text}: {}", yaml(&error));
        }
        let twice = serde_saphyr::from_str::<BTreeMap<String, String>>("hunter2: a\nhunter2: b").unwrap_err();
        assert!(!yaml(&twice).contains("hunter2"), "{}", yaml(&twice));
    }
}
