//! Marks that stand for values while a rendering is parsed: `U+E000 number U+E001`. The characters are of Unicode's
//! private use area, legal in YAML, and refused in a template's own text.

const START: char = '\u{E000}';
const END: char = '\u{E001}';
const END_QUOTED: char = '\u{E002}';

/// A mark in a rendering.
#[derive(Debug, Clone, Copy)]
pub(super) enum Mark {
    /// The value in that place of the record.
    Plain(usize),
    /// The same, in quotes: it is text even if the value is a number.
    Quoted(usize),
}

/// Whether the character is one that only marks may hold.
pub(super) fn is_mark(c: char) -> bool {
    matches!(c, START | END | END_QUOTED)
}

/// The mark of the `n`th value.
pub(super) fn mark(n: usize) -> String {
    format!("{START}{n}{END}")
}

/// The text before the next mark, the mark, and the text after it.
pub(super) fn next(text: &str) -> Option<(&str, Mark, &str)> {
    let (before, rest) = text.split_once(START)?;
    let (number, after) = rest.split_once([END, END_QUOTED])?;
    let n = number.parse().ok()?;
    let quoted = rest.get(number.len()..).is_some_and(|r| r.starts_with(END_QUOTED));
    Some((before, if quoted { Mark::Quoted(n) } else { Mark::Plain(n) }, after))
}

/// Turns marks that are all of a quoted scalar into quoted ones; parsing loses the quotes.
pub(super) fn mark_quoted(rendering: &str) -> String {
    let mut out = String::with_capacity(rendering.len());
    let mut rest = rendering;
    while let Some((before, mark, after)) = next(rest) {
        let quote = before.chars().next_back().filter(|q| matches!(q, '"' | '\''));
        let quoted = quote.is_some_and(|q| after.starts_with(q));
        let (Mark::Plain(n) | Mark::Quoted(n)) = mark;
        out.push_str(before);
        out.push_str(&format!("{START}{n}{}", if quoted { END_QUOTED } else { END }));
        rest = after;
    }
    out.push_str(rest);
    out
}

/// A rendering as a person may see it: expressions instead of marks.
pub(super) fn humane(rendering: &str) -> String {
    let mut out = String::new();
    let mut rest = rendering;
    while let Some((before, _, after)) = next(rest) {
        out.push_str(before);
        out.push_str("{{ … }}");
        rest = after;
    }
    out.push_str(rest);
    out
}
