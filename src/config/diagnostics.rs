use std::fmt;

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
        let key = |d: &Diagnostic| (d.source().name().to_owned(), d.span());
        found.sort_by_key(key);
        found.dedup_by(|a, b| key(a) == key(b) && a.message() == b.message());
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

/// A source that is quoted by whole lines, and no lines around them.
#[derive(Debug)]
struct Excerpt {
    name: String,
    text: String,
}

impl SourceCode for Excerpt {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        lines_before: usize,
        _lines_after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        // Asked without lines around, miette wants the place; asked with them, the text to quote.
        let wanted = if lines_before == 0 { *span } else { self.lines(span) };
        let found = self.text.read_span(&wanted, 0, 0)?;
        Ok(Box::new(MietteSpanContents::new_named(
            self.name.clone(),
            found.data(),
            *found.span(),
            found.line(),
            found.column(),
            found.line_count(),
        )))
    }
}

impl Excerpt {
    fn lines(&self, span: &SourceSpan) -> SourceSpan {
        let start = self.text.get(..span.offset()).and_then(|t| t.rfind('\n')).map_or(0, |i| i + 1);
        let end = span.offset() + span.len();
        let end = self.text.get(end..).and_then(|t| t.find('\n')).map_or(self.text.len(), |i| end + i);
        (start, end - start).into()
    }
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
        let labels = |span: Span, text: Option<String>| {
            vec![LabeledSpan::new_primary_with_span(text, (span.start, span.end - span.start))]
        };
        let named =
            |source: &Source| Excerpt { name: source.name().to_owned(), text: source.shown().to_owned() };
        // Of a file that may hold secrets anywhere the place is told, and no line is shown.
        let shown = d.span().filter(|_| !d.source().is_confidential());
        let mut marked = shown.map(|s| labels(s, None)).unwrap_or_default();
        let mut related = Vec::new();
        for other in d.related().iter().filter(|_| shown.is_some()) {
            if std::sync::Arc::ptr_eq(&other.source, d.source()) {
                let length = other.span.end - other.span.start;
                marked.push(LabeledSpan::new(Some(other.message.clone()), other.span.start, length));
            } else {
                related.push(Self {
                    message: other.message.clone(),
                    severity: miette::Severity::Advice,
                    help: None,
                    labels: labels(other.span, None),
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
