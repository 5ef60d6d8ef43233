use std::fmt;
use std::sync::{Arc, OnceLock};

use super::{Code, Diagnostic, Span, masking};

/// A text and what it is called in messages.
pub struct Source {
    name: String,
    text: String,
    confidential: bool,
    shown: OnceLock<String>,
}

impl Source {
    /// `name` is a path as people should see it, or a URL. A byte order mark is dropped.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        let mut text = text.into();
        if text.starts_with('\u{feff}') {
            text.drain(..'\u{feff}'.len_utf8());
        }
        Self { name: name.into(), text, confidential: false, shown: OnceLock::new() }
    }

    /// The text of a file's bytes.
    ///
    /// # Errors
    /// When they are not UTF-8: a diagnostic with the place of the first byte that isn't.
    pub fn from_bytes(name: impl Into<String>, bytes: Vec<u8>) -> Result<Self, Box<Diagnostic>> {
        Self::decode(name.into(), bytes, false)
    }

    /// As [`Source::from_bytes`], of a [confidential](Source::is_confidential) file.
    ///
    /// # Errors
    /// As [`Source::from_bytes`].
    pub fn from_confidential_bytes(name: impl Into<String>, bytes: Vec<u8>) -> Result<Self, Box<Diagnostic>> {
        Self::decode(name.into(), bytes, true)
    }

    fn decode(name: String, bytes: Vec<u8>, confidential: bool) -> Result<Self, Box<Diagnostic>> {
        let error = match String::from_utf8(bytes) {
            Ok(text) => return Ok(Self { confidential, ..Self::new(name, text) }),
            Err(e) => e,
        };
        let at = error.utf8_error().valid_up_to();
        let bytes = error.into_bytes();
        let wide = matches!(bytes.get(..2), Some([0xff, 0xfe] | [0xfe, 0xff])) || bytes.contains(&0);
        let byte = bytes.get(at).copied().unwrap_or_default();
        // Not through `new`: dropping a mark would move the place.
        let source = Self {
            name,
            text: String::from_utf8_lossy(&bytes).into_owned(),
            confidential,
            shown: OnceLock::new(),
        };
        let mut diagnostic = Diagnostic::error(
            Arc::new(source),
            Span::new(at, at + '\u{fffd}'.len_utf8()),
            Code::Encoding,
            format!("not UTF-8: byte 0x{byte:02x}"),
        );
        diagnostic.set_help(if wide {
            "this looks like UTF-16 or a binary file: save it as UTF-8"
        } else {
            "save the file as UTF-8"
        });
        Err(Box::new(diagnostic))
    }

    /// Whether it may hold secrets anywhere, also where they don't belong: nothing of its text is shown then, but keys
    /// that are known.
    pub fn is_confidential(&self) -> bool {
        self.confidential
    }

    /// What messages call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text with the values of what looks like secrets masked, every position kept: what reports quote from.
    pub fn shown(&self) -> &str {
        self.shown.get_or_init(|| masking::mask(self))
    }

    /// Line and column of a byte, both from 1; columns count characters.
    pub fn position(&self, byte: usize) -> (usize, usize) {
        let before = self.text.get(..byte.min(self.text.len())).unwrap_or(&self.text);
        let line_start = before.rfind('\n').map_or(0, |i| i + 1);
        let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
        (line, before.get(line_start..).unwrap_or_default().chars().count() + 1)
    }
}

/// The name only: the text may hold secrets.
impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Where something stands: `file:line:column`, or only the name where lines mean nothing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The source's name.
    pub file: String,
    /// From 1; 0 where the source as a whole is meant.
    pub line: usize,
    /// From 1, in characters; 0 where the source as a whole is meant.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            f.write_str(&self.file)
        } else {
            write!(f, "{}:{}:{}", self.file, self.line, self.column)
        }
    }
}
