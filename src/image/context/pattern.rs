use regex::Regex;

/// One line of a `.dockerignore`, by Docker's rules: those of Go's `filepath.Match`, and `**` for any number of folders.
#[derive(Debug)]
pub(super) struct Pattern {
    /// Starts with `!`: what it matches is in after all.
    pub(super) exception: bool,
    /// Cleaned, as in `a/*.py`.
    pub(super) text: String,
    matcher: Matcher,
}

#[derive(Debug)]
enum Matcher {
    Exact,
    /// `text` but for the `**` at its end.
    Prefix(String),
    /// `text` but for the `**` at its start.
    Suffix(String),
    Regex(Box<Regex>),
}

impl Pattern {
    /// Reads a line without blanks around it; `None` for one that says nothing.
    pub(super) fn parse(line: &str) -> Result<Option<Self>, String> {
        let (exception, text) = match line.strip_prefix('!') {
            Some(rest) => (true, rest.trim()),
            None => (false, line),
        };
        if text.is_empty() {
            return if exception { Err("`!` stands alone".into()) } else { Ok(None) };
        }
        let text = clean(text);
        let text = if text.len() > 1 { text.trim_start_matches('/').to_owned() } else { text };
        let matcher = compile(&text)?;
        Ok(Some(Self { exception, text, matcher }))
    }

    /// Whether it matches this path itself, relative and with slashes.
    pub(super) fn matches(&self, path: &str) -> bool {
        match &self.matcher {
            Matcher::Exact => path == self.text,
            Matcher::Prefix(prefix) => path.starts_with(prefix.as_str()),
            Matcher::Suffix(suffix) => {
                path.ends_with(suffix.as_str()) || suffix.strip_prefix('/').is_some_and(|rest| path == rest)
            }
            Matcher::Regex(regex) => regex.is_match(path),
        }
    }

    /// Whether it may match something below the folder.
    pub(super) fn reaches_into(&self, folder: &str) -> bool {
        let literal = self.text.split(['*', '?', '[', '\\']).next().unwrap_or_default();
        if literal.len() == self.text.len() {
            return format!("{}/", self.text).starts_with(&format!("{folder}/"));
        }
        // With a wildcard the part before it has to fit.
        let folder = format!("{folder}/");
        folder.starts_with(literal) || literal.starts_with(&folder)
    }
}

/// What Go's `filepath.Clean` makes of a path.
fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            ".." if rooted => {}
            part => parts.push(part),
        }
    }
    match (rooted, parts.is_empty()) {
        (true, _) => format!("/{}", parts.join("/")),
        (false, true) => ".".to_owned(),
        (false, false) => parts.join("/"),
    }
}

fn compile(text: &str) -> Result<Matcher, String> {
    #[derive(Clone, Copy, PartialEq)]
    enum Shape {
        Exact,
        Prefix,
        Suffix,
        Regex,
    }
    let mut shape = Shape::Exact;
    let mut regex = String::from("^");
    let mut chars = text.chars().peekable();
    let mut first = true;
    while let Some(c) = chars.next() {
        match c {
            '*' if chars.peek() == Some(&'*') => {
                chars.next();
                if chars.peek() == Some(&'/') {
                    chars.next();
                }
                if chars.peek().is_none() {
                    // At the end: everything below, as in .gitignore.
                    if shape == Shape::Exact {
                        shape = Shape::Prefix;
                    } else {
                        regex.push_str(".*");
                        shape = Shape::Regex;
                    }
                } else {
                    regex.push_str("(.*/)?");
                    shape = Shape::Regex;
                }
                if first {
                    shape = Shape::Suffix;
                }
            }
            '*' => {
                regex.push_str("[^/]*");
                shape = Shape::Regex;
            }
            '?' => {
                regex.push_str("[^/]");
                shape = Shape::Regex;
            }
            '\\' => {
                let escaped = chars.next().ok_or_else(|| format!("`{text}` ends with `\\`"))?;
                regex.push_str(&regex::escape(&escaped.to_string()));
                shape = Shape::Regex;
            }
            '[' => {
                let class = class(&mut chars).ok_or_else(|| format!("`[` of `{text}` is not closed"))?;
                regex.push_str(&class);
                shape = Shape::Regex;
            }
            c => regex.push_str(&regex::escape(&c.to_string())),
        }
        first = false;
    }
    Ok(match shape {
        Shape::Exact => Matcher::Exact,
        Shape::Prefix => Matcher::Prefix(text.trim_end_matches("**").to_owned()),
        Shape::Suffix => Matcher::Suffix(text.get(2..).unwrap_or_default().to_owned()),
        Shape::Regex => {
            let regex = Regex::new(&format!("(?s){regex}$")).map_err(|e| format!("`{text}`: {e}"))?;
            Matcher::Regex(Box::new(regex))
        }
    })
}

/// `[a-z]`, `[^a-z]`, as a class of the regex.
fn class(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<String> {
    let mut class = String::from("[");
    if chars.next_if_eq(&'^').is_some() {
        class.push('^');
    }
    let mut empty = true;
    loop {
        match chars.next()? {
            ']' if empty => return None,
            ']' => break,
            '-' => class.push('-'),
            '\\' => class.push_str(&regex::escape(&chars.next()?.to_string())),
            c => class.push_str(&regex::escape(&c.to_string())),
        }
        empty = false;
    }
    class.push(']');
    Some(class)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The cases of Docker's own matcher: pattern, path, whether it matches (a match of a folder above counts).
    #[test]
    fn dockers_own_cases_hold() {
        for (pattern, path, wanted) in [
            ("**", "file", true),
            ("**", "file/", true),
            ("**/", "file", true),
            ("**/", "file/", true),
            ("**", "/", true),
            ("**/", "/", true),
            ("**", "dir/file", true),
            ("**/", "dir/file", true),
            ("**", "dir/file/", true),
            ("**/**", "dir/file", true),
            ("**/**", "dir/file/", true),
            ("dir/**", "dir/file", true),
            ("dir/**", "dir/file/", true),
            ("dir/**", "dir/dir2/file", true),
            ("dir/**", "dir/dir2/file/", true),
            ("**/dir", "dir", true),
            ("**/dir", "dir/file", true),
            ("**/dir2/*", "dir/dir2/file", true),
            ("**/dir2/*", "dir/dir2/file/", true),
            ("**/dir2/**", "dir/dir2/dir3/file", true),
            ("**/dir2/**", "dir/dir2/dir3/file/", true),
            ("**file", "file", true),
            ("**file", "dir/file", true),
            ("**/file", "dir/file", true),
            ("**file", "dir/dir/file", true),
            ("**/file", "dir/dir/file", true),
            ("**/file*", "dir/dir/file", true),
            ("**/file*", "dir/dir/file.txt", true),
            ("**/file*txt", "dir/dir/file.txt", true),
            ("**/file*.txt", "dir/dir/file.txt", true),
            ("**/file*.txt*", "dir/dir/file.txt", true),
            ("**/**/*.txt", "dir/dir/file.txt", true),
            ("**/**/*.txt2", "dir/dir/file.txt", false),
            ("**/*.txt", "file.txt", true),
            ("**/**/*.txt", "file.txt", true),
            ("a**/*.txt", "a/file.txt", true),
            ("a**/*.txt", "a/dir/file.txt", true),
            ("a**/*.txt", "a/dir/dir/file.txt", true),
            ("a/*.txt", "a/dir/file.txt", false),
            ("a/*.txt", "a/file.txt", true),
            ("a/*.txt**", "a/file.txt", true),
            ("a[b-d]e", "ae", false),
            ("a[b-d]e", "ace", true),
            ("a[b-d]e", "aae", false),
            ("a[^b-d]e", "aze", true),
            (".*", ".foo", true),
            (".*", "foo", false),
            ("abc.def", "abcdef", false),
            ("abc.def", "abc.def", true),
            ("abc.def", "abcZdef", false),
            ("abc?def", "abcZdef", true),
            ("abc?def", "abcdef", false),
            ("a\\\\", "a\\", true),
            ("**/foo/bar", "foo/bar", true),
            ("**/foo/bar", "dir/foo/bar", true),
            ("**/foo/bar", "dir/dir2/foo/bar", true),
            ("abc/**", "abc", false),
            ("abc/**", "abc/def", true),
            ("abc/**", "abc/def/ghi", true),
            ("**/.foo", ".foo", true),
            ("**/.foo", "bar.foo", false),
            ("a(b)c/def", "a(b)c/def", true),
            ("a(b)c/def", "a(b)c/xyz", false),
            ("a.|)$(}+{bc", "a.|)$(}+{bc", true),
            (
                "dist/proxy.py-2.4.0rc3.dev36+g08acad9-py3-none-any.whl",
                "dist/proxy.py-2.4.0rc3.dev36+g08acad9-py3-none-any.whl",
                true,
            ),
            ("dist/*.whl", "dist/proxy.py-2.4.0rc3.dev36+g08acad9-py3-none-any.whl", true),
            ("a\\*b", "a*b", true),
            ("a\\", "a", false),
            ("[", "a", false),
            ("[^", "a", false),
            ("[^bc", "a", false),
            ("a[", "a", false),
        ] {
            let found = match Pattern::parse(pattern) {
                Ok(Some(pattern)) => {
                    pattern.matches(path)
                        || path.match_indices('/').any(|(at, _)| pattern.matches(&path[..at]))
                }
                Ok(None) | Err(_) => false,
            };
            assert_eq!(found, wanted, "{pattern} on {path}");
        }
    }

    #[test]
    fn what_cannot_be_a_pattern_is_refused() {
        for pattern in ["!", "a[", "[]a]", "[^", "x\\", "! "] {
            assert!(Pattern::parse(pattern.trim()).is_err(), "{pattern}");
        }
        assert!(Pattern::parse("").unwrap().is_none());
    }

    #[test]
    fn paths_are_cleaned_as_go_does() {
        for (path, wanted) in [
            ("a/b/", "a/b"),
            ("./a//b", "a/b"),
            ("a/../b", "b"),
            ("../a", "../a"),
            ("/a", "/a"),
            ("/../a", "/a"),
            (".", "."),
            ("a/..", "."),
            ("/", "/"),
        ] {
            assert_eq!(clean(path), wanted, "{path}");
        }
        assert!(Pattern::parse("/a/b/").unwrap().unwrap().matches("a/b"));
    }
}
