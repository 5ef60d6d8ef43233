use std::collections::HashSet;

use super::{MediaType, Output};

/// Longest name in bytes, well below the 255 that file systems allow: prefixes and suffixes of copies must fit too.
const LONGEST: usize = 200;

/// File names for a list of outputs, in its order.
pub(super) fn file_names(outputs: &[Output]) -> Vec<String> {
    let mut taken = HashSet::new();
    outputs.iter().map(|o| unique(o.title(), o.media_type(), &mut taken)).collect()
}

/// A file name for an output beside those that are taken: its title plus `.ext` unless it ends so already. Every name is
/// one path component that is legal on Linux, macOS and Windows, and no two are the same, whatever the case.
pub(super) fn unique(title: &str, media_type: MediaType, taken: &mut HashSet<String>) -> String {
    let extension = media_type.extension();
    let stem = title.strip_suffix(extension).and_then(|t| t.strip_suffix('.')).unwrap_or(title);
    let stem = safe_stem(stem);
    let mut name = format!("{stem}.{extension}");
    let mut copy = 1;
    while !taken.insert(name.to_lowercase()) {
        copy += 1;
        name = format!("{stem} ({copy}).{extension}");
    }
    name
}

fn safe_stem(title: &str) -> String {
    let mut stem = String::with_capacity(title.len().min(LONGEST));
    for c in title.chars() {
        let c = if is_unsafe(c) { '_' } else { c };
        if stem.len() + c.len_utf8() > LONGEST {
            break;
        }
        stem.push(c);
    }
    // A leading dot hides a file, and `..` is no file.
    if stem.starts_with('.') {
        stem.replace_range(..1, "_");
    }
    if stem.trim().is_empty() {
        return "output".into();
    }
    if is_device(&stem) { format!("_{stem}") } else { stem }
}

/// Separators, controls, what Windows refuses, and marks that make a name read differently from what it is.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|')
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Names that are devices on Windows, with any extension.
fn is_device(stem: &str) -> bool {
    let base = stem.split('.').next().unwrap_or_default().trim_end().to_ascii_uppercase();
    let numbered = |prefix: &str| {
        base.strip_prefix(prefix).is_some_and(|n| {
            let mut chars = n.chars();
            matches!((chars.next(), chars.next()), (Some('0'..='9' | '¹' | '²' | '³'), None))
        })
    };
    matches!(base.as_str(), "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$")
        || numbered("COM")
        || numbered("LPT")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(titles: &[&str]) -> Vec<String> {
        let mut taken = HashSet::new();
        titles.iter().map(|t| unique(t, MediaType::Csv, &mut taken)).collect()
    }

    #[test]
    fn a_plain_title_is_kept() {
        assert_eq!(
            names(&["Path", "data.csv", "Größe – 100 %", "v1.2", "a.CSV", "csv"]),
            ["Path.csv", "data.csv", "Größe – 100 %.csv", "v1.2.csv", "a.CSV.csv", "csv.csv"]
        );
    }

    #[test]
    fn the_same_title_twice_makes_two_names() {
        assert_eq!(
            names(&["T", "T", "t", "T (2)", "T.csv"]),
            ["T.csv", "T (2).csv", "t (3).csv", "T (2) (2).csv", "T (4).csv"]
        );
    }

    #[test]
    fn no_title_leads_out_of_the_folder_or_breaks_a_system() {
        assert_eq!(
            names(&[
                "../../etc/passwd",
                "..",
                "",
                "  ",
                "/abs",
                "C:\\x",
                "a\0b\nc",
                "con",
                "Lpt1.old",
                ".hidden",
                "gpj\u{202e}"
            ]),
            [
                "_._.._etc_passwd.csv",
                "_..csv",
                "output.csv",
                "output (2).csv",
                "_abs.csv",
                "C__x.csv",
                "a_b_c.csv",
                "_con.csv",
                "_Lpt1.old.csv",
                "_hidden.csv",
                "gpj_.csv"
            ]
        );
    }

    #[test]
    fn a_long_title_is_cut_between_characters() {
        let long = "é".repeat(300);
        let found = names(&[&long, &long]);
        assert_eq!(found[0], format!("{}.csv", "é".repeat(100)));
        assert_eq!(found[1], format!("{} (2).csv", "é".repeat(100)));
    }
}
