use std::path::Path;

use super::pattern::Pattern;
use crate::beneath::Beneath;
use crate::image::ImageError;

/// The name of the file that says what stays out of a context.
const FILE: &str = ".dockerignore";

/// What a repository's `.dockerignore` keeps out, by Docker's rules: the last line that matches a path, or a folder
/// above it, decides.
#[derive(Debug, Default)]
pub struct Ignore {
    patterns: Vec<Pattern>,
}

/// Lines of a `.dockerignore` that are no patterns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IgnoreError {
    /// Line, from 1, and what is wrong with it.
    pub lines: Vec<(usize, String)>,
}

impl Ignore {
    /// Reads the text of a `.dockerignore`.
    ///
    /// # Errors
    /// When lines are no patterns: all of them.
    pub fn parse(text: &str) -> Result<Self, IgnoreError> {
        let (mut patterns, mut lines) = (Vec::new(), Vec::new());
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for (number, line) in text.lines().enumerate() {
            // Only a `#` at the very start makes a comment.
            if line.starts_with('#') {
                continue;
            }
            match Pattern::parse(line.trim()) {
                Ok(pattern) => patterns.extend(pattern),
                Err(reason) => lines.push((number + 1, reason)),
            }
        }
        if lines.is_empty() { Ok(Self { patterns }) } else { Err(IgnoreError { lines }) }
    }

    /// Reads the `.dockerignore` of a folder; without one nothing is kept out.
    ///
    /// # Errors
    /// When it can't be read, or lines of it are no patterns.
    pub fn read(folder: &Path) -> Result<Self, ImageError> {
        let path = folder.join(FILE);
        let read = Beneath::open(folder).and_then(|folder| folder.read(FILE));
        let text = match read.map_err(|e| ImageError::io(&path, e))? {
            Some(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            None => return Ok(Self::default()),
        };
        Self::parse(&text).map_err(|e| ImageError::Ignore { path, lines: e.lines })
    }

    /// Whether the path, relative and with slashes, stays out.
    pub fn excludes(&self, path: &str) -> bool {
        let mut out = false;
        for pattern in &self.patterns {
            // A line can only change what the lines before it have left otherwise.
            if pattern.exception != out {
                continue;
            }
            let above =
                || path.match_indices('/').any(|(at, _)| path.get(..at).is_some_and(|p| pattern.matches(p)));
            if pattern.matches(path) || above() {
                out = !pattern.exception;
            }
        }
        out
    }

    /// Whether something below a folder that stays out may be in after all.
    pub fn may_contain_exceptions(&self, folder: &str) -> bool {
        self.patterns.iter().any(|p| p.exception && p.reaches_into(folder))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_that_matches_decides() {
        let ignore = Ignore::parse(
            "\u{feff}# comment\n  *.md  \n!README*.md\nREADME-secret.md\n\n /temp\n # not a comment\n",
        )
        .unwrap();
        for (path, out) in [
            ("a.md", true),
            ("README.md", false),
            ("README-secret.md", true),
            // No pattern without `**` looks below the root, other than below a folder that it names.
            ("docs/a.md", false),
            ("temp", true),
            ("temp/x/y", true),
            ("a/temp", false),
            ("# not a comment", true),
        ] {
            assert_eq!(ignore.excludes(path), out, "{path}");
        }
    }

    #[test]
    fn a_folder_that_stays_out_is_looked_into_only_for_exceptions() {
        let ignore = Ignore::parse("docs\n!docs/api\nbuild\n**/*.log\n!keep/**/x.log").unwrap();
        assert!(ignore.excludes("docs") && ignore.excludes("docs/a"));
        assert!(!ignore.excludes("docs/api/index.md"));
        assert!(ignore.may_contain_exceptions("docs"));
        assert!(!ignore.may_contain_exceptions("build"));
        assert!(ignore.may_contain_exceptions("keep/a"));
        assert!(!ignore.excludes("keep/a/x.log"));
        assert!(ignore.excludes("keep/a/y.log") && ignore.excludes("b/x.log") && ignore.excludes("x.log"));
        let all = Ignore::parse("*\n!src\n!**/*.py").unwrap();
        assert!(all.excludes("data") && all.excludes("data/x.csv") && !all.excludes("data/x.py"));
        assert!(!all.excludes("src/deep/file") && all.may_contain_exceptions("data"));
    }

    #[test]
    fn every_wrong_line_is_told() {
        let error = Ignore::parse("ok\n[\n!\n").unwrap_err();
        assert_eq!(error.lines.iter().map(|l| l.0).collect::<Vec<_>>(), [2, 3]);
    }
}
