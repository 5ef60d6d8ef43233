use std::collections::HashMap;

use icu_normalizer::ComposingNormalizerBorrowed;

use super::{MediaType, Output};

/// Longest name in bytes, well below the 255 that file systems allow: prefixes and suffixes of copies must fit too.
const LONGEST: usize = 200;

/// File names for a list of outputs, in its order.
pub(super) fn file_names(outputs: &[Output]) -> Vec<String> {
    let mut names = FileNames::default();
    outputs.iter().map(|o| names.add(o.title(), o.media_type())).collect()
}

/// The names of the files in one folder. Time grows with their number, also where many outputs have one title.
#[derive(Default)]
pub(super) struct FileNames {
    /// Names as file systems compare them, each with the number that its next copy tries first.
    taken: HashMap<String, u32>,
}

impl FileNames {
    /// A file name for an output beside those that are taken: its title plus `.ext` unless it ends so already. Every name
    /// is one path component that is legal on Linux, macOS and Windows and no option of a program, and no two are the
    /// same, whatever the case and however their accents are composed.
    pub(super) fn add(&mut self, title: &str, media_type: MediaType) -> String {
        let extension = media_type.extension();
        let stem = title.strip_suffix(extension).and_then(|t| t.strip_suffix('.')).unwrap_or(title);
        let stem = safe_stem(stem);
        let name = format!("{stem}.{extension}");
        let key = compared(&name);
        let Some(&first) = self.taken.get(&key) else {
            self.taken.insert(key, 2);
            return name;
        };
        let mut copy = first;
        loop {
            let name = format!("{stem} ({copy}).{extension}");
            copy += 1;
            let own = compared(&name);
            if let std::collections::hash_map::Entry::Vacant(free) = self.taken.entry(own) {
                free.insert(2);
                self.taken.insert(key, copy);
                return name;
            }
        }
    }
}

/// A name as the file systems of macOS and Windows compare it: without regard to case and composition.
fn compared(name: &str) -> String {
    let folded: String = name.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect();
    ComposingNormalizerBorrowed::new_nfc().normalize(&folded).into_owned()
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
    // A leading dot hides a file, and `..` is no file; with a leading dash `rm *` reads options, with a tilde a home.
    if stem.starts_with(['.', '-', '~']) {
        stem.replace_range(..1, "_");
    }
    if stem.trim().is_empty() {
        return "output".into();
    }
    if is_device(&stem) { format!("_{stem}") } else { stem }
}

/// Separators, controls, what Windows refuses, and marks that nobody sees or that make a name read differently from what
/// it is. Joiners stay: some scripts can't be written without.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|')
        || matches!(
            c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'
                ..='\u{202e}'
        )
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
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
        let mut names = FileNames::default();
        titles.iter().map(|t| names.add(t, MediaType::Csv)).collect()
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

    #[test]
    fn no_name_is_an_option_or_reads_differently_from_what_it_is() {
        let found = names(&[
            "-rf",
            "--help",
            "~root",
            "a\u{200b}b",
            "x\u{61c}",
            "\u{e0041}",
            "-",
            "a-b",
            "tab\there",
        ]);
        let expected = [
            "_rf.csv",
            "_-help.csv",
            "_root.csv",
            "a_b.csv",
            "x_.csv",
            "_.csv",
            "_ (2).csv",
            "a-b.csv",
            "tab_here.csv",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn names_that_a_file_system_takes_for_one_are_told_apart() {
        for pair in [
            ["É", "E\u{301}"],
            ["é", "E\u{301}"],
            ["ΟΔΟΣ", "οδος"],
            ["οδοσ", "οδος"],
            ["Straße", "STRASSE"],
            ["K", "\u{212a}"],
            ["\u{1e9b}", "\u{1e61}"],
            ["-x", "_x"],
        ] {
            let found = names(&pair);
            assert!(found[1].ends_with(" (2).csv"), "{found:?}");
        }
    }

    #[test]
    fn many_of_one_title_are_numbered_without_trying_all_before() {
        let many = vec!["T"; 200_000];
        let found = names(&many);
        assert_eq!(found.last().map(String::as_str), Some("T (200000).csv"));
    }
}
