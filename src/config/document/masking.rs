use std::sync::Arc;

use super::problems::nearest;
use super::{Node, Problems, Source, Span, Value, parse};

/// The source's text with values that are or may be secrets, and control characters, overwritten by `*`, every line
/// break and position kept.
pub(super) fn mask(source: &Source) -> String {
    let text = source.text();
    let mut spans = Vec::new();
    passwords_in_urls(text, &mut spans);
    let copy = Arc::new(Source::new(source.name(), text));
    match parse(source, &mut Problems::new(copy)) {
        Some(root) => secret_values(&root, &mut spans),
        // Without a tree any line may hold one.
        None => secret_lines(text, &mut spans),
    }
    // A terminal would obey control characters.
    let control = text.char_indices().filter(|(_, c)| c.is_control() && !matches!(c, '\n' | '\r' | '\t'));
    spans.extend(control.map(|(at, c)| Span::new(at, at + c.len_utf8())));
    let mut bytes = text.as_bytes().to_vec();
    for span in spans {
        let mut at = span.start;
        for c in text.get(span.start..span.end).unwrap_or_default().chars() {
            // A star a byte: marks are byte positions.
            if let (false, Some(target)) = (c.is_whitespace(), bytes.get_mut(at..at + c.len_utf8())) {
                target.fill(b'*');
            }
            at += c.len_utf8();
        }
    }
    String::from_utf8(bytes).unwrap_or_default()
}

/// Whether a key of this name, or one that was meant to be of such a name, holds something confidential.
fn is_confidential(key: &str) -> bool {
    const WORDS: [&str; 9] = [
        "secret",
        "secrets",
        "token",
        "password",
        "passwd",
        "credential",
        "credentials",
        "private",
        "apikey",
    ];
    let key = key.to_lowercase();
    let contains = |word: &&str| key.contains(*word);
    WORDS.iter().any(contains)
        || ["api_key", "api-key"].iter().any(contains)
        || key
            .split(|c: char| !c.is_alphanumeric())
            .any(|part| part.len() > 3 && nearest(part, WORDS).is_some())
}

fn secret_values(node: &Node<'_>, spans: &mut Vec<Span>) {
    match &node.value {
        Value::Map(entries) => {
            for entry in entries {
                if entry.key.text == "secrets" {
                    values_of_map(&entry.value, spans);
                } else if is_confidential(&entry.key.text) {
                    spans.push(entry.value.span);
                } else {
                    secret_values(&entry.value, spans);
                }
            }
        }
        Value::List(items) => items.iter().for_each(|item| secret_values(item, spans)),
        Value::Null | Value::Scalar(_) => {}
    }
}

/// Under `secrets`, names may be seen: the items of a list, the keys of a mapping.
fn values_of_map(node: &Node<'_>, spans: &mut Vec<Span>) {
    match &node.value {
        Value::Map(entries) => spans.extend(entries.iter().map(|e| e.value.span)),
        Value::List(items) => {
            for item in items {
                values_of_map(item, spans);
            }
        }
        Value::Null => {}
        // `NAME=value` is the mistake to expect.
        Value::Scalar(s) if s.text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') => {}
        Value::Scalar(_) => spans.push(node.span),
    }
}

fn passwords_in_urls(text: &str, spans: &mut Vec<Span>) {
    for (at, _) in text.match_indices("://") {
        let start = at + 3;
        let rest = text.get(start..).unwrap_or_default();
        let authority = rest.split(|c: char| c == '/' || c.is_whitespace()).next().unwrap_or_default();
        if let Some((user, _)) = authority.rsplit_once('@') {
            spans.push(Span::new(start, start + user.len()));
        }
    }
}

/// For text that is not YAML: where any line has a confidential key, nothing is shown but keys, since any line may
/// belong to it; else all of it.
fn secret_lines(text: &str, spans: &mut Vec<Span>) {
    let key = |line: &str| line.split_once(':').map_or(line.len(), |(key, _)| key.len());
    if !text.lines().any(|line| is_confidential(line.get(..key(line)).unwrap_or_default())) {
        return;
    }
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let word = line.get(..key(line)).unwrap_or_default();
        let plain = word.trim().trim_start_matches("- ");
        let is_key = word.len() < line.len()
            && !plain.is_empty()
            && plain.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        spans.push(Span::new(start + if is_key { word.len() + 1 } else { 0 }, start + line.len()));
        start += line.len();
    }
}
