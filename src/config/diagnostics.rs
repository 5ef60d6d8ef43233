use std::fmt;
use std::sync::Arc;

use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents, SourceCode,
    SourceSpan, SpanContents, ThemeCharacters, ThemeStyles,
};
use serde::Serialize;

use super::document::{Code, Diagnostic, Severity, Source, Span};

/// How a report may look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportStyle {
    /// Escape codes for colour.
    pub color: bool,
    /// Lines drawn with box characters; with ASCII otherwise.
    pub unicode: bool,
}

/// Diagnostics of any number of files, sorted by file and place, each once.
#[derive(Debug, Clone, Default)]
pub struct Diagnostics(Vec<Diagnostic>);

/// A diagnostic as scripts and editors get it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DiagnosticView {
    /// Path, relative to the working folder if below it, or URL.
    pub file: String,
    /// From 1; `null` if the file as a whole is meant.
    pub line: Option<usize>,
    /// From 1, in characters; `null` if the file as a whole is meant.
    pub column: Option<usize>,
    /// `error` or `warning`.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// What kind of mistake it is.
    pub code: Code,
}

impl Diagnostics {
    /// Sorts them and drops repetitions (a mistake behind an alias is found once a use).
    pub fn new(mut found: Vec<Diagnostic>) -> Self {
        let place = |a: &Diagnostic, b: &Diagnostic| {
            a.source().name().cmp(b.source().name()).then_with(|| a.span().cmp(&b.span()))
        };
        found.sort_by(place);
        found.dedup_by(|a, b| place(a, b).is_eq() && a.message() == b.message());
        Self(found)
    }

    /// All of them.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.0.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one of them makes something unusable.
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|d| d.severity() == Severity::Error)
    }

    /// Those for which `keep` holds.
    #[must_use]
    pub fn filter(&self, keep: impl Fn(&Diagnostic) -> bool) -> Self {
        Self(self.0.iter().filter(|d| keep(d)).cloned().collect())
    }

    /// "12 problems in 5 files".
    pub fn summary(&self) -> String {
        let mut files: Vec<&str> = self.0.iter().map(|d| d.source().name()).collect();
        files.dedup();
        let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
        format!("{} in {}", count(self.0.len(), "problem"), count(files.len(), "file"))
    }

    /// What scripts and editors get.
    pub fn views(&self) -> Vec<DiagnosticView> {
        self.0
            .iter()
            .map(|d| {
                let place = d.place();
                let known = |n: usize| Some(n).filter(|n| *n > 0);
                DiagnosticView {
                    line: known(place.line),
                    column: known(place.column),
                    file: place.file,
                    severity: d.severity(),
                    message: d.message().to_owned(),
                    help: d.help().map(str::to_owned),
                    code: d.code(),
                }
            })
            .collect()
    }

    /// Each with the source line and a marker, then the count. Values of secrets in quoted lines are masked.
    pub fn render(&self, style: ReportStyle) -> String {
        let handler = handler(style);
        let mut text = String::new();
        for diagnostic in &self.0 {
            if handler.render_report(&mut text, &Reported::new(diagnostic)).is_err() {
                // A mark that doesn't fit its text, which would be a bug: the words are still worth showing.
                text.push_str(&diagnostic.to_string());
            }
            text.push('\n');
        }
        text.push_str(&self.summary());
        text
    }
}

/// One line a diagnostic, for where a full report has no place.
impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for diagnostic in &self.0 {
            writeln!(f, "{diagnostic}")?;
        }
        f.write_str(&self.summary())
    }
}

fn handler(style: ReportStyle) -> GraphicalReportHandler {
    let mut characters = if style.unicode { ThemeCharacters::unicode() } else { ThemeCharacters::ascii() };
    characters.error = "error:".into();
    characters.warning = "warning:".into();
    characters.advice = "note:".into();
    let styles = if style.color { ThemeStyles::ansi() } else { ThemeStyles::none() };
    GraphicalReportHandler::new_themed(GraphicalTheme { characters, styles })
        .with_links(false)
        .with_urls(false)
        .with_context_lines(1)
        .with_show_related_as_nested(true)
        .with_width(110)
        .with_break_words(false)
        .without_cause_chain()
}

/// A source that is quoted by whole lines, and no lines around them. Of a very long line, what is around the place.
#[derive(Debug)]
struct Excerpt(Arc<Source>);

/// Bytes of a line that are quoted on each side of a place, at most.
const AROUND: usize = 160;

/// Bytes that are marked, at most.
const MARKED: usize = 400;

impl SourceCode for Excerpt {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        lines_before: usize,
        _lines_after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let (start, end) = (span.offset(), span.offset() + span.len());
        // Asked without lines around, miette wants the place; asked with them, the text to quote.
        let (from, to) = if lines_before == 0 { (start, end) } else { (self.before(start), self.after(end)) };
        let text = self.0.shown().get(from..to).ok_or(MietteError::OutOfBounds)?;
        let (line, column) = self.0.position(from);
        Ok(Box::new(MietteSpanContents::new_named(
            self.0.name().to_owned(),
            text.as_bytes(),
            (from, to - from).into(),
            line - 1,
            column - 1,
            // Places that are a few lines apart are shown together.
            text.matches('\n').count() + 4,
        )))
    }
}

impl Excerpt {
    fn before(&self, at: usize) -> usize {
        let line = self.0.line_start(self.0.line_of(at));
        if at - line <= 2 * AROUND { line } else { boundary(self.0.shown(), at - AROUND) }
    }

    fn after(&self, at: usize) -> usize {
        let text = self.0.shown();
        let next = self.0.line_start(self.0.line_of(at) + 1);
        let end = if text.get(..next).is_some_and(|t| t.ends_with('\n')) { next - 1 } else { next };
        if end.saturating_sub(at) <= 2 * AROUND { end.max(at) } else { boundary(text, at + AROUND) }
    }
}

/// The beginning of the character at a byte.
fn boundary(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// A diagnostic in miette's terms.
#[derive(Debug)]
struct Reported {
    message: String,
    severity: miette::Severity,
    help: Option<String>,
    labels: Vec<LabeledSpan>,
    source: Option<Excerpt>,
    related: Vec<Reported>,
}

impl Reported {
    fn new(d: &Diagnostic) -> Self {
        let length = |source: &Source, span: Span| {
            let end = boundary(source.shown(), span.end.min(span.start + MARKED));
            end.saturating_sub(span.start)
        };
        let labels = |source: &Source, span: Span, text: Option<String>| {
            vec![LabeledSpan::new_primary_with_span(text, (span.start, length(source, span)))]
        };
        let named = |source: &Arc<Source>| Excerpt(Arc::clone(source));
        // Of a file that may hold secrets anywhere the place is told, and no line is shown.
        let shown = d.span().filter(|_| !d.source().is_confidential());
        let mut marked = shown.map(|s| labels(d.source(), s, None)).unwrap_or_default();
        let mut related = Vec::new();
        for other in d.related().iter().filter(|_| shown.is_some()) {
            if Arc::ptr_eq(&other.source, d.source()) {
                let length = length(&other.source, other.span);
                marked.push(LabeledSpan::new(Some(other.message.clone()), other.span.start, length));
            } else {
                related.push(Self {
                    message: other.message.clone(),
                    severity: miette::Severity::Advice,
                    help: None,
                    labels: labels(&other.source, other.span, None),
                    source: Some(named(&other.source)),
                    related: Vec::new(),
                });
            }
        }
        // Without a place the name has to be in the sentence.
        let message = match shown {
            Some(_) => d.message().to_owned(),
            None => d.to_string(),
        };
        Self {
            message,
            severity: match d.severity() {
                Severity::Warning => miette::Severity::Warning,
                Severity::Error => miette::Severity::Error,
            },
            help: d.help().map(str::to_owned),
            labels: marked,
            source: shown.map(|_| named(d.source())),
            related,
        }
    }
}

impl fmt::Display for Reported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Reported {}

impl miette::Diagnostic for Reported {
    fn severity(&self) -> Option<miette::Severity> {
        Some(self.severity)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|h| Box::new(h) as Box<dyn fmt::Display>)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        self.source.as_ref().map(|s| s as &dyn miette::SourceCode)
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn miette::Diagnostic> + 'a>> {
        Some(Box::new(self.related.iter().map(|r| r as &dyn miette::Diagnostic)))
    }
}
