//! Sentences among what Go and JSON print of structures.

/// A longer structure is left out of a sentence.
const SHORT: usize = 40;

/// Splits `VALUE: detail`, where the value may hold anything in quotes and brackets.
pub(super) fn value_and_detail(text: &str) -> (&str, &str) {
    let mut depth = 0_i32;
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some('"') if c == '\\' => escaped = true,
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None => match c {
                '"' | '`' => quote = Some(c),
                '{' | '[' | '(' => depth += 1,
                '}' | ']' | ')' => depth -= 1,
                ':' if depth <= 0 && text.get(at + 1..).is_some_and(|rest| rest.starts_with(' ')) => {
                    return (text.get(..at).unwrap_or_default(), text.get(at + 2..).unwrap_or_default());
                }
                _ => {}
            },
        }
    }
    (text, "")
}

/// Whether a value is Go's or JSON's way to write a structure.
pub(super) fn is_structure(value: &str) -> bool {
    !value.starts_with('"') && value.contains(['{', '[', '('])
}

/// One line without what Go and JSON write of structures, where that is long.
pub(super) fn plain(message: &str) -> String {
    let mut told = String::new();
    let mut lines = message.lines();
    told.push_str(lines.next().unwrap_or_default().trim());
    for line in lines {
        // What differs, as Go prints it.
        if line.starts_with("@@") || line.trim_end().ends_with('{') {
            break;
        }
        told.push(' ');
        told.push_str(line.trim());
    }
    without_structures(told.trim().trim_end_matches('.'))
}

fn without_structures(text: &str) -> String {
    let mut told = String::new();
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        let (before, from) = rest.split_at(open);
        let long = Some(closing(from)).filter(|end| *end > SHORT);
        match long {
            Some(end) => {
                // `core.PodSpec{…}`, `map[string]string{…}`
                let start = before.rfind(|c: char| c.is_whitespace()).map_or(0, |at| at + 1);
                told.push_str(before.get(..start).unwrap_or_default());
                told.push('…');
                rest = from.get(end..).unwrap_or_default();
            }
            None => {
                told.push_str(before);
                told.push('{');
                rest = from.get(1..).unwrap_or_default();
            }
        }
    }
    told + rest
}

/// Where what opens here ends; the end of the text if it does not.
fn closing(text: &str) -> usize {
    let mut depth = 0_i32;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + c.len_utf8();
        }
    }
    text.len()
}
