//! How a person is shown that one text differs from another: lines with context, and of long lines what is around the
//! difference.

use std::time::Duration;

use similar::{DiffOp, TextDiff};

/// Lines that are the same before and after a difference.
const CONTEXT: usize = 3;
/// More lines than these are counted.
const MOST: usize = 60;
/// A longer line is shortened.
const WIDTH: usize = 160;
/// What is shown of a long line before and after the difference.
const AROUND: usize = 30;
/// After this the difference may be told with more lines than it takes.
const PATIENCE: Duration = Duration::from_millis(500);

/// What differs between two texts of several lines: how many lines there are, then `-` as it is, `+` as it would be.
pub(super) fn by_lines(before: &str, after: &str) -> Vec<String> {
    let diff = TextDiff::configure().timeout(PATIENCE).diff_lines(before, after);
    let (old, new) = (diff.old_slices(), diff.new_slices());
    let mut lines = Vec::new();
    let (mut removed, mut added) = (0, 0);
    for group in diff.grouped_ops(CONTEXT) {
        let at = group.first().map_or(0, |op| op.old_range().start);
        lines.push(format!("@@ line {}", at + 1));
        for op in group {
            let was = old.get(op.old_range()).unwrap_or_default();
            let is = new.get(op.new_range()).unwrap_or_default();
            if !matches!(op, DiffOp::Equal { .. }) {
                removed += was.len();
                added += is.len();
            }
            match op {
                DiffOp::Equal { .. } => lines.extend(was.iter().map(|l| format!("  {}", shortened(bare(l))))),
                // Line by line, so that the difference within each can be seen.
                _ if was.len() == is.len() => {
                    let (was, is): (Vec<String>, Vec<String>) =
                        was.iter().zip(is).map(|(b, a)| pair(&ended(b), &ended(a))).unzip();
                    lines.extend(was.iter().map(|l| format!("- {l}")));
                    lines.extend(is.iter().map(|l| format!("+ {l}")));
                }
                _ => {
                    lines.extend(was.iter().map(|l| format!("- {}", shortened(&ended(l)))));
                    lines.extend(is.iter().map(|l| format!("+ {}", shortened(&ended(l)))));
                }
            }
        }
    }
    lines = capped(lines);
    lines.insert(0, format!("lines: {removed} removed, {added} added"));
    lines
}

/// The lines of a text that is all there is: nothing was or will be in its place.
pub(super) fn whole(sign: char, text: &str) -> Vec<String> {
    capped(text.lines().map(|line| format!("{sign} {}", shortened(line))).collect())
}

/// Two texts of one line, each shortened to what is around the difference.
pub(super) fn pair(before: &str, after: &str) -> (String, String) {
    if before.len() <= WIDTH && after.len() <= WIDTH {
        return (before.to_owned(), after.to_owned());
    }
    let (b, a): (Vec<char>, Vec<char>) = (before.chars().collect(), after.chars().collect());
    let shorter = b.len().min(a.len());
    let same = b.iter().zip(&a).take_while(|(b, a)| b == a).count();
    let tail = b.iter().rev().zip(a.iter().rev()).take(shorter - same).take_while(|(b, a)| b == a).count();
    let start = same.saturating_sub(AROUND);
    let cut = |text: &[char]| {
        let end = (text.len() - tail + AROUND).min(text.len());
        let middle: String = text.get(start..end).unwrap_or_default().iter().collect();
        let (left, right) = (if start > 0 { "…" } else { "" }, if end < text.len() { "…" } else { "" });
        format!("{left}{}{right}", shortened(&middle))
    };
    (cut(&b), cut(&a))
}

/// A text of one line without its middle, where that is long.
pub(super) fn shortened(text: &str) -> String {
    let length = text.chars().count();
    if length <= WIDTH {
        return text.to_owned();
    }
    let head: String = text.chars().take(WIDTH * 2 / 3).collect();
    let tail: String = text.chars().skip(length - WIDTH / 6).collect();
    format!("{head}… ({length} characters) …{tail}")
}

fn bare(line: &str) -> &str {
    line.strip_suffix('\n').unwrap_or(line)
}

/// A line without its end; a last line that has none says so.
fn ended(line: &str) -> String {
    match line.strip_suffix('\n') {
        Some(line) => line.replace('\r', "␍"),
        None => format!("{} (no line feed)", line.replace('\r', "␍")),
    }
}

fn capped(mut lines: Vec<String>) -> Vec<String> {
    if lines.len() > MOST {
        let more = lines.len() - MOST;
        lines.truncate(MOST);
        lines.push(format!("… {more} more lines"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_told_with_context_and_apart_where_they_are_far_apart() {
        let before: String = (1..=40).map(|n| format!("line {n}\n")).collect();
        let after = before.replace("line 5\n", "line five\n").replace("line 30\n", "");
        assert_eq!(
            by_lines(&before, &after),
            [
                "lines: 2 removed, 1 added",
                "@@ line 2",
                "  line 2",
                "  line 3",
                "  line 4",
                "- line 5",
                "+ line five",
                "  line 6",
                "  line 7",
                "  line 8",
                "@@ line 27",
                "  line 27",
                "  line 28",
                "  line 29",
                "- line 30",
                "  line 31",
                "  line 32",
                "  line 33",
            ]
        );
        assert_eq!(
            by_lines("a\nb", "a\nb\n"),
            ["lines: 1 removed, 1 added", "@@ line 1", "  a", "- b (no line feed)", "+ b"]
        );
        assert_eq!(
            by_lines("a\r\nb\n", "a\nb\n"),
            ["lines: 1 removed, 1 added", "@@ line 1", "- a␍", "+ a", "  b"]
        );
    }

    #[test]
    fn of_long_lines_what_is_around_the_difference_is_shown() {
        let (x, y) = ("x".repeat(700_000), "é".repeat(700_000));
        let (before, after) = pair(&format!("{x}1{y}"), &format!("{x}22{y}"));
        let (x, y) = ("x".repeat(AROUND), "é".repeat(AROUND));
        assert_eq!((before, after), (format!("…{x}1{y}…"), format!("…{x}22{y}…")));
        // Everything differs, and one is a part of the other.
        let (before, after) = pair(&"a".repeat(5000), &"b".repeat(5000));
        assert!(before.len() < 300 && after.len() < 300 && before.contains("(5000 characters)"), "{before}");
        let (before, after) = pair(&"a".repeat(5000), &"a".repeat(5001));
        assert!(before.chars().count() < 300 && before != after, "{before} {after}");
        let long: String = (0..5000).map(|n| format!("{n}\n")).collect();
        let lines = by_lines(&long, &long.replace('7', "seven"));
        assert!(lines.len() == MOST + 2 && lines[MOST + 1].ends_with("more lines"), "{lines:?}");
    }
}
