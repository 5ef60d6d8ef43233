use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use super::node::short;
use super::{Key, Node, Place, Source, Span};

/// How much a diagnostic matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Usable, but not as it should be.
    Warning,
    /// Not usable.
    Error,
}

/// The kinds of mistakes, stable for scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// Not YAML, or YAML that is not accepted.
    Syntax,
    /// Not UTF-8.
    Encoding,
    /// Nothing in it.
    Empty,
    /// A key twice in one mapping.
    DuplicateKey,
    /// A key that means nothing.
    UnknownKey,
    /// A key that has to be there.
    MissingKey,
    /// Another kind of value than the key takes.
    WrongType,
    /// The right kind of value, with a content that can't be.
    InvalidValue,
    /// Values that are fine alone, not together.
    Conflict,
    /// Two models with one name, or with names that become the same.
    NameCollision,
    /// Content and path of a file don't agree.
    Misplaced,
    /// A secret's value where only its name belongs.
    SecretValue,
    /// A file that can't be read.
    Unreadable,
}

/// Another place that belongs to a diagnostic.
#[derive(Debug, Clone)]
pub(crate) struct Related {
    pub(crate) source: Arc<Source>,
    pub(crate) span: Span,
    pub(crate) message: String,
}

/// One mistake: what, where, and what to do about it.
#[derive(Debug, Clone)]
pub struct Diagnostic {
    severity: Severity,
    code: Code,
    message: String,
    help: Option<String>,
    source: Arc<Source>,
    span: Option<Span>,
    related: Vec<Related>,
}

impl Diagnostic {
    /// An error at `span`, of which the first line is marked.
    pub fn error(source: Arc<Source>, span: Span, code: Code, message: impl Into<String>) -> Self {
        let first_line = source.text().get(span.start..span.end).and_then(|s| s.lines().next());
        let end = first_line.map_or(span.end, |l| span.start + l.trim_end().len());
        Self { span: Some(Span::new(span.start, end)), ..Self::whole(source, code, message) }
    }

    /// An error of a source as a whole.
    pub fn whole(source: Arc<Source>, code: Code, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            code,
            message: message.into(),
            help: None,
            source,
            span: None,
            related: Vec::new(),
        }
    }

    /// Makes it a warning.
    pub fn warn(&mut self) -> &mut Self {
        self.severity = Severity::Warning;
        self
    }

    /// What to do about it: imperative or a question, without a full stop.
    pub fn set_help(&mut self, help: impl Into<String>) -> &mut Self {
        self.help = Some(help.into());
        self
    }

    /// Shows another place too, with a word on what it is.
    pub fn also(&mut self, source: Arc<Source>, span: Span, message: impl Into<String>) -> &mut Self {
        self.related.push(Related { source, span, message: message.into() });
        self
    }

    /// How much it matters.
    pub fn severity(&self) -> Severity {
        self.severity
    }

    /// What kind of mistake it is.
    pub fn code(&self) -> Code {
        self.code
    }

    /// What is wrong, in one sentence without a full stop.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do about it.
    pub fn help(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// The text that it is about.
    pub fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// The part that is marked, if it isn't about the source as a whole.
    pub fn span(&self) -> Option<Span> {
        self.span
    }

    pub(crate) fn related(&self) -> &[Related] {
        &self.related
    }

    /// Where it is.
    pub fn place(&self) -> Place {
        let (line, column) = self.span.map_or((0, 0), |s| self.source.position(s.start));
        Place { file: self.source.name().to_owned(), line, column }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place(), self.message)
    }
}

/// Gathers the diagnostics of one source, and knows which key is being read.
#[derive(Debug)]
pub struct Problems {
    source: Arc<Source>,
    found: Vec<Diagnostic>,
    path: Vec<&'static str>,
}

impl Problems {
    /// None yet.
    pub fn new(source: Arc<Source>) -> Self {
        Self { source, found: Vec::new(), path: Vec::new() }
    }

    /// The source that they are about.
    pub fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.found.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// The one found last, for adding to it.
    pub fn last(&mut self) -> Option<&mut Diagnostic> {
        self.found.last_mut()
    }

    /// Whether one of those after the first `before` is an error.
    pub fn has_errors_since(&self, before: usize) -> bool {
        self.found.iter().skip(before).any(|d| d.severity() == Severity::Error)
    }

    /// Everything found, in the order of finding. Where a blank that is none stands in a line with a mistake, it is the
    /// mistake.
    pub fn into_vec(self) -> Vec<Diagnostic> {
        let mut found = self.found;
        for diagnostic in &mut found {
            let blank = diagnostic.span.and_then(|span| odd_blank(&self.source, span.start));
            if let Some((name, column)) = blank {
                diagnostic
                    .set_help(format!("column {column} holds {name}: write an ordinary space in its place"));
            }
        }
        found
    }

    /// Adds an error; the answer is for adding help or making it a warning.
    pub fn error(&mut self, span: Span, code: Code, message: impl Into<String>) -> &mut Diagnostic {
        self.push(Diagnostic::error(Arc::clone(&self.source), span, code, message))
    }

    /// Adds a diagnostic that was made elsewhere.
    pub fn push(&mut self, diagnostic: Diagnostic) -> &mut Diagnostic {
        let index = self.found.len();
        self.found.push(diagnostic);
        #[allow(clippy::indexing_slicing)] // it was pushed a line above
        &mut self.found[index]
    }

    /// Reads something below `key`, which messages then name.
    pub fn within<T>(&mut self, key: &'static str, read: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(key);
        let result = read(self);
        self.path.pop();
        result
    }

    /// "`resources.limits.cpu`: " in front of a message about a value.
    fn subject(&self) -> String {
        if self.path.is_empty() { String::new() } else { format!("`{}`: ", self.path.join(".")) }
    }

    /// A value of another kind than `expected`; scalars are quoted.
    pub fn wrong_type(&mut self, node: &Node<'_>, expected: &str) -> &mut Diagnostic {
        let found = node.describe(!self.source.is_confidential());
        let message = format!("{}expected {expected}, found {found}", self.subject());
        self.error(node.head(), Code::WrongType, message)
    }

    /// As [`Problems::wrong_type`], without quoting what may be confidential.
    pub fn wrong_type_unquoted(&mut self, node: &Node<'_>, expected: &str) -> &mut Diagnostic {
        let message = format!("{}expected {expected}, found {}", self.subject(), node.describe(false));
        self.error(node.head(), Code::WrongType, message)
    }

    /// Text that is not what `expected` says.
    pub fn invalid(&mut self, span: Span, expected: &str, found: &str) -> &mut Diagnostic {
        let found = match self.source.is_confidential() {
            true => String::new(),
            false => format!(", found `{}`", short(found)),
        };
        let message = format!("{}expected {expected}{found}", self.subject());
        self.error(span, Code::InvalidValue, message)
    }

    /// A value that is wrong for a reason of its own.
    pub fn refuse(&mut self, span: Span, reason: impl fmt::Display) -> &mut Diagnostic {
        let message = format!("{}{reason}", self.subject());
        self.error(span, Code::InvalidValue, message)
    }

    /// A key that none of `known` is.
    pub fn unknown_key(&mut self, key: &Key<'_>, known: &[&str]) -> &mut Diagnostic {
        let help = nearest(&key.text, known.iter().copied())
            .map_or_else(|| format!("known keys: {}", known.join(", ")), |n| format!("did you mean `{n}`?"));
        let within =
            if self.path.is_empty() { String::new() } else { format!(" in `{}`", self.path.join(".")) };
        // A key that looks like none of ours may be anything.
        let quoted = !self.source.is_confidential() || nearest(&key.text, known.iter().copied()).is_some();
        let name = if quoted { format!(" `{}`", short(&key.text)) } else { String::new() };
        self.error(key.span, Code::UnknownKey, format!("unknown key{name}{within}")).set_help(help)
    }
}

/// Characters that look like a blank and are none to YAML, as texts from web pages and word processors have them.
const ODD_BLANKS: [(char, &str); 8] = [
    ('\u{a0}', "a no-break space (U+00A0)"),
    ('\u{202f}', "a narrow no-break space (U+202F)"),
    ('\u{2007}', "a figure space (U+2007)"),
    ('\u{2003}', "an em space (U+2003)"),
    ('\u{2009}', "a thin space (U+2009)"),
    ('\u{3000}', "an ideographic space (U+3000)"),
    ('\u{200b}', "a zero-width space (U+200B)"),
    ('\u{feff}', "a byte order mark (U+FEFF)"),
];

/// An odd blank in the line of a byte, and its column, where a blank means something: in front, or after what YAML wants
/// blanks behind.
fn odd_blank(source: &Source, byte: usize) -> Option<(&'static str, usize)> {
    let line = source.line_of(byte);
    let start = source.line_start(line);
    let text = source.text().get(start..source.line_start(line + 1))?;
    // A line that goes on and on was not typed.
    let mut before = None;
    for (at, c) in text.char_indices().take(1000) {
        if let Some((_, name)) = ODD_BLANKS.iter().find(|(odd, _)| *odd == c)
            && (before.is_none_or(|b: char| b.is_whitespace())
                || matches!(before, Some(':' | '-' | ',' | '{' | '[' | '?')))
        {
            return Some((name, source.position(start + at).1));
        }
        before = Some(c);
    }
    None
}

/// The candidate that `given` was probably meant to be: few edits away, letter case and `-` for `_` not counted.
pub(crate) fn nearest<'c>(given: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let fold = |s: &str| s.to_lowercase().replace('-', "_");
    let given = fold(given);
    if given.len() > 200 {
        return None;
    }
    let allowed = (given.chars().count() / 3).clamp(1, 4);
    candidates
        .into_iter()
        // An edit changes the length by one character at most, of up to four bytes.
        .filter(|c| c.len().abs_diff(given.len()) <= 4 * allowed)
        .map(|c| (strsim::osa_distance(&given, &fold(c)), c))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, c)| c)
}
