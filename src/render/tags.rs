//! The tags that templates may use: those that choose and repeat text. Tags that capture text for later would capture
//! marks instead of values.

use super::hole;

const ALLOWED: [&str; 12] =
    ["if", "elif", "else", "endif", "for", "endfor", "set", "with", "endwith", "raw", "endraw", "do"];

/// The line and the reason of the first thing in a template that is refused.
pub(super) fn check(text: &str) -> Result<(), (usize, String)> {
    let line = |at: usize| text.get(..at).map_or(1, |t| t.matches('\n').count() + 1);
    if let Some(at) = text.find(hole::is_mark) {
        return Err((line(at), "holds a character of Unicode's private use area".to_owned()));
    }
    let mut at = 0;
    while let Some(start) = text.get(at..).and_then(|t| t.find(['{'])).map(|n| n + at) {
        let rest = text.get(start..).unwrap_or_default();
        at = if rest.starts_with("{#") {
            start + rest.find("#}").unwrap_or(rest.len())
        } else if let Some(tag) = rest.strip_prefix("{%") {
            let end = tag.find("%}").unwrap_or(tag.len());
            let words = tag.get(..end).unwrap_or_default().trim_matches(['-', '+', ' ', '\n', '\t', '\r']);
            let word =
                words.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default();
            if !ALLOWED.contains(&word) || (word == "set" && !words.contains('=')) {
                let what = if word == "set" { "set` without `=" } else { word };
                return Err((
                    line(start),
                    format!("uses the tag `{what}`: templates can use {}", ALLOWED.join(", ")),
                ));
            }
            start + 2 + end
        } else {
            start + 1
        };
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_that_capture_are_refused_with_their_line() {
        assert_eq!(
            check("a: 1\n{% if x %}\n{%- for y in z -%}{% set a = 1 %}{# {% macro %} #}{{ {} }}"),
            Ok(())
        );
        for (text, tag) in [
            ("a\n{% macro x() %}", "macro"),
            ("a\n{%- filter upper %}", "filter"),
            ("a\n{% set x %}", "set` without"),
            ("a\n{% include 'x' %}", "include"),
            ("a\n{% autoescape false %}", "autoescape"),
        ] {
            let (line, reason) = check(text).unwrap_err();
            assert_eq!(line, 2);
            assert!(reason.contains(tag), "{reason}");
        }
        assert_eq!(check("x\n\u{E000}").unwrap_err().0, 2);
    }
}
