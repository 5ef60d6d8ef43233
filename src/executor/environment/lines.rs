//! Files of lines for pip, read as pip reads them: what it would follow must not be hidden from us.

use super::shell_lines::words;

/// Something beside an index that a line makes pip read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Named {
    /// Another file of lines: `-r`, `-c`.
    File(String),
    /// A wheel, a project's folder, a place of wheels.
    Part(String),
}

/// The lines of a file, continued ones joined, comments and empty ones left out.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<String>, String> {
    let text = decode(bytes)?;
    let mut found = Vec::new();
    let mut begun = String::new();
    let mut take = |line: &str| found.push(without_comment(line).trim().to_owned());
    // The ends of lines that Python's `splitlines` knows.
    let ends = |c: char| {
        matches!(
            c,
            '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}'
        )
    };
    for line in text.split(ends) {
        let comment = line.trim_start().starts_with('#');
        match line.strip_suffix('\\') {
            // A comment ends a line that goes on, and never goes on itself.
            Some(goes_on) if !comment => begun.push_str(goes_on),
            _ => {
                if comment {
                    begun.push(' ');
                }
                begun.push_str(line);
                take(&std::mem::take(&mut begun));
            }
        }
    }
    take(&begun);
    found.retain(|line| !line.is_empty());
    Ok(found)
}

fn without_comment(line: &str) -> &str {
    let starts = |(at, _): &(usize, &str)| {
        line.get(..*at).is_some_and(|before| before.is_empty() || before.ends_with(char::is_whitespace))
    };
    line.match_indices('#').find(starts).map_or(line, |(at, _)| line.get(..at).unwrap_or(line))
}

fn decode(bytes: &[u8]) -> Result<String, String> {
    let wide = |bytes: &[u8], join: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes.as_chunks::<2>().0.iter().map(|pair| join(*pair)).collect();
        String::from_utf16(&units).map_err(|_| "it is not UTF-16, as its first bytes say".to_owned())
    };
    let text = match bytes {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => {
            return Err("it is UTF-32: save it as UTF-8".into());
        }
        [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes)?,
        [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes)?,
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        bytes => String::from_utf8_lossy(bytes).into_owned(),
    };
    // pip obeys a comment as Python does.
    for line in text.lines().take(2).filter(|line| line.starts_with('#')) {
        let Some(named) = line.split_once("coding").and_then(|(_, rest)| rest.strip_prefix([':', '=']))
        else {
            continue;
        };
        let name: String =
            named.trim_start().chars().take_while(|c| c.is_alphanumeric() || "-_.".contains(*c)).collect();
        let plain: String = name.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect();
        if !matches!(
            plain.as_str(),
            "" | "utf8" | "utf8sig" | "ascii" | "usascii" | "latin1" | "iso88591" | "cp1252"
        ) {
            return Err(format!("it says that it is written in {name}: save it as UTF-8"));
        }
    }
    Ok(text)
}

/// What a line makes pip read; the error says why that can't be told.
pub(super) fn named(line: &str) -> Result<Vec<Named>, String> {
    let words = words(line);
    let mut words = words.iter().map(String::as_str);
    let mut found = Vec::new();
    while let Some(word) = words.next() {
        let unclear = || Err(format!("expected no backslash in `{line}`: pip would read it otherwise"));
        if let Some(option) = word.strip_prefix("--") {
            let (name, value) = option.split_once('=').map_or((option, None), |(n, v)| (n, Some(v)));
            if name.contains('\\') {
                return unclear();
            }
            // Options may be shortened.
            let is = |whole: &str| !name.is_empty() && whole.starts_with(name);
            let file = is("requirement") || is("constraint");
            let part = is("editable") || is("find-links");
            let index = is("index-url") || is("extra-index-url");
            if file || part || index {
                let value = value.or_else(|| words.next()).unwrap_or_default();
                found.extend(match (file, part) {
                    (true, _) => a_file(value)?,
                    (_, true) => what_an_option_names(value)?,
                    _ => a_part(value)?,
                });
            }
        } else if let Some(option) = word.strip_prefix('-').filter(|o| !o.is_empty()) {
            let (letter, glued) = option.split_at(option.chars().next().map_or(0, char::len_utf8));
            let mut value = || if glued.is_empty() { words.next().unwrap_or_default() } else { glued };
            match letter {
                "r" | "c" => found.extend(a_file(value())?),
                "e" | "f" => found.extend(what_an_option_names(value())?),
                "i" => found.extend(a_part(value())?),
                "\\" => return unclear(),
                _ => {}
            }
        } else {
            // `name @ place`, a place, or a requirement with markers, in which no file can be named.
            found.extend(a_part(word)?);
            if word.contains(';') {
                let rest = words.clone().find(|w| w.starts_with('-'));
                words.by_ref().take_while(|w| !w.starts_with('-')).for_each(drop);
                if rest.is_some_and(|w| !w.starts_with("--")) {
                    return Err(format!("expected no option behind the markers of `{line}`"));
                }
            }
        }
    }
    Ok(found)
}

fn a_file(value: &str) -> Result<Option<Named>, String> {
    place(value).map(|place| place.map(Named::File))
}

/// Without extras, markers and a name before it.
fn bare_place(value: &str) -> &str {
    let value = value.split(';').next().unwrap_or_default();
    let value = value.split_once('@').filter(|(name, _)| is_name(name)).map_or(value, |(_, place)| place);
    value.split_once('[').filter(|(_, extras)| extras.ends_with(']')).map_or(value, |(path, _)| path)
}

/// Of an option that wants a place: a word alone is a path too.
fn what_an_option_names(value: &str) -> Result<Option<Named>, String> {
    Ok(place(bare_place(value))?.map(Named::Part))
}

fn a_part(value: &str) -> Result<Option<Named>, String> {
    const ARCHIVES: [&str; 7] = [".whl", ".zip", ".tar", ".gz", ".bz2", ".xz", ".tgz"];
    let value = bare_place(value);
    let path = value.contains('/')
        || value.starts_with('.')
        || is_file_url(value)
        || ARCHIVES.iter().any(|end| value.to_lowercase().ends_with(end));
    if path { Ok(place(value)?.map(Named::Part)) } else { Ok(None) }
}

fn is_name(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.[], ".contains(c))
}

fn scheme(value: &str) -> Option<(String, &str)> {
    let (scheme, rest) = value.split_once(':')?;
    let letters = scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    (scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && letters).then(|| (scheme.to_lowercase(), rest))
}

fn is_file_url(value: &str) -> bool {
    scheme(value).is_some_and(|(scheme, _)| scheme.rsplit('+').next() == Some("file"))
}

/// The path that is meant; `None` for what is on other machines.
fn place(value: &str) -> Result<Option<String>, String> {
    if value.contains("${") {
        return match scheme(value)
            .is_some_and(|(scheme, rest)| !scheme.ends_with("file") && rest.starts_with("//"))
        {
            true => Ok(None),
            false => Err(format!("expected a path without variables, found `{value}`")),
        };
    }
    if value.contains('\\') {
        return Err(format!("expected a path without backslashes, found `{value}`"));
    }
    match scheme(value) {
        Some((_, rest)) if is_file_url(value) => {
            let path = rest.split(['#', '?']).next().unwrap_or_default();
            let path =
                path.strip_prefix("//").map_or(path, |rest| rest.strip_prefix("localhost").unwrap_or(rest));
            // `git+file:///repository@branch`
            let path = path.rsplit_once('@').map_or(path, |(path, _)| path);
            match percent_decoded(path) {
                Some(path) => Ok(Some(path)),
                None => Err(format!("expected a URL, found `{value}`")),
            }
        }
        Some((_, rest)) if rest.starts_with("//") => Ok(None),
        _ => Ok(Some(value.to_owned())),
    }
}

fn percent_decoded(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((first, more)) = rest.split_first() {
        rest = more;
        match (first, more) {
            (b'%', [high, low, more @ ..]) => {
                let digit = |b: &u8| char::from(*b).to_digit(16);
                bytes.push(u8::try_from(digit(high)? * 16 + digit(low)?).ok()?);
                rest = more;
            }
            (b'%', _) => return None,
            (byte, _) => bytes.push(*byte),
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_pips() {
        for (text, lines) in [
            ("a\n# b\n  # c\nd # e\nf#g\n", &["a", "d", "f#g"][..]),
            ("a \\\n  b\nc\\\n\nd", &["a   b", "c", "d"]),
            // A comment never goes on, and ends what goes on.
            ("# x \\\n-r out\n", &["-r out"]),
            ("a \\\n# x\n-r out", &["a", "-r out"]),
            ("# x\u{b}-r out\r\nb\u{2028}c", &["-r out", "b", "c"]),
            ("\u{feff}a", &["a"]),
        ] {
            assert_eq!(read(text.as_bytes()).unwrap(), lines, "{text:?}");
        }
        let wide: Vec<u8> =
            [0xfeff].into_iter().chain("-r out".encode_utf16()).flat_map(u16::to_le_bytes).collect();
        assert_eq!(read(&wide).unwrap(), ["-r out"]);
        assert!(read(b"# -*- coding: utf-7 -*-\n+AC0-r out\n").unwrap_err().contains("utf-7"));
        assert_eq!(read(b"# coding: utf-8\na").unwrap(), ["a"]);
    }

    #[test]
    fn every_way_to_name_a_place_is_seen() {
        let file = |path: &str| vec![Named::File(path.to_owned())];
        let part = |path: &str| vec![Named::Part(path.to_owned())];
        for (line, expected) in [
            ("-r ../x", file("../x")),
            ("-r../x", file("../x")),
            ("--requirement=../x", file("../x")),
            ("--requirem ../x", file("../x")),
            ("--c ../x", file("../x")),
            ("-c \"../my x\"", file("../my x")),
            ("-r FILE:///etc/pass%77d", file("/etc/passwd")),
            ("-r file://localhost/etc/x", file("/etc/x")),
            ("-r https://host/x.txt", Vec::new()),
            ("-e ../x", part("../x")),
            ("--ed=../x", part("../x")),
            ("-f /wheels", part("/wheels")),
            ("--find-links /wheels --pre", part("/wheels")),
            ("-f wheels", part("wheels")),
            ("-e mine[all]", part("mine")),
            ("-e git+https://host/x@main#egg=x", Vec::new()),
            ("--index-url file:///x", part("/x")),
            ("--index-url https://${TOKEN}@host/x", Vec::new()),
            ("./x[extra] ; python_version > '3'", part("./x")),
            ("name @ file:///x#egg=y", part("/x")),
            ("name[a]@file:///x", part("/x")),
            ("git+file:///x@main", part("/x")),
            ("git+https://host/x@main", Vec::new()),
            ("git+ssh://git@host/x", Vec::new()),
            ("x.whl", part("x.whl")),
            ("sub/x", part("sub/x")),
            ("numpy>=1.2 --hash=sha256:a/b", Vec::new()),
            ("numpy ; sys_platform == 'a/b'", Vec::new()),
            ("numpy --no-binary :all:", Vec::new()),
        ] {
            assert_eq!(named(line).unwrap(), expected, "{line}");
        }
        for line in
            ["-r ${HOME}/x", "-r \\/etc/passwd", "-\\r x", "--re\\q=x", "x ; y -r z", "-r file:///%zz"]
        {
            assert!(named(line).is_err(), "{line}");
        }
    }
}
