use std::fmt;
use std::sync::{Arc, OnceLock};

use super::{Code, Diagnostic, Span, masking};

/// A text and what it is called in messages.
pub struct Source {
    name: String,
    text: String,
    confidential: bool,
    shown: OnceLock<String>,
    lines: OnceLock<Lines>,
}

/// Where lines begin, and how many characters come before; so that a place is found without reading all before it.
#[derive(Default)]
struct Lines {
    starts: Vec<usize>,
    /// Characters before each [`STEP`]th byte.
    chars: Vec<usize>,
}

const STEP: usize = 256;

impl Source {
    /// `name` is a path as people should see it, or a URL. A byte order mark is dropped.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        let mut text = text.into();
        if text.starts_with('\u{feff}') {
            text.drain(..'\u{feff}'.len_utf8());
        }
        Self { name: name.into(), text, confidential: false, shown: OnceLock::new(), lines: OnceLock::new() }
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
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let source = Self { name, text, confidential, shown: OnceLock::new(), lines: OnceLock::new() };
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
        let line = self.line_of(byte);
        let column = self.chars_before(byte) - self.chars_before(self.line_start(line));
        (line + 1, column + 1)
    }

    /// The line that holds a byte, from 0.
    pub(crate) fn line_of(&self, byte: usize) -> usize {
        self.lines().starts.partition_point(|start| *start <= byte.min(self.text.len())).saturating_sub(1)
    }

    /// The first byte of a line, or the text's end.
    pub(crate) fn line_start(&self, line: usize) -> usize {
        self.lines().starts.get(line).copied().unwrap_or(self.text.len())
    }

    fn chars_before(&self, byte: usize) -> usize {
        let byte = byte.min(self.text.len());
        let step = byte / STEP;
        let counted = self.lines().chars.get(step).copied().unwrap_or_default();
        let rest = self.text.as_bytes().get(step * STEP..byte).unwrap_or_default();
        counted + rest.iter().filter(|b| begins_char(**b)).count()
    }

    fn lines(&self) -> &Lines {
        self.lines.get_or_init(|| {
            let mut lines = Lines { starts: vec![0], chars: Vec::new() };
            let mut chars = 0;
            for (at, byte) in self.text.bytes().enumerate() {
                if at.is_multiple_of(STEP) {
                    lines.chars.push(chars);
                }
                chars += usize::from(begins_char(byte));
                if byte == b'\n' {
                    lines.starts.push(at + 1);
                }
            }
            // The place behind the last byte is one too.
            if self.text.len().is_multiple_of(STEP) {
                lines.chars.push(chars);
            }
            lines
        })
    }
}

fn begins_char(byte: u8) -> bool {
    byte & 0xc0 != 0x80
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
