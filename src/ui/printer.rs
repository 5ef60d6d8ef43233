use std::io::{self, IsTerminal, Write};

use serde::Serialize;

use super::{Format, Table};
use crate::config::ReportStyle;

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set, `CLICOLOR` is 0 or `TERM` is `dumb`; with `CLICOLOR_FORCE` elsewhere too.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How much is told on stderr.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Errors only.
    Quiet,
    /// What a person wants to know.
    Normal,
    /// More (`-v` and above are logs).
    Verbose(u8),
}

/// Writes data to stdout and words for people to stderr. Small and `Copy`: pass it by value.
#[derive(Debug, Clone, Copy)]
pub struct Printer {
    verbosity: Verbosity,
    color: bool,
    /// The same for stdout.
    color_data: bool,
    progress: bool,
}

impl Printer {
    /// Decides from the flags and from what stderr is.
    pub fn new(color: ColorChoice, verbosity: Verbosity) -> Self {
        let terminal = io::stderr().is_terminal();
        let env_set = |name| std::env::var_os(name).is_some_and(|v| !v.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|t| t == "dumb");
        let env_is = |name, word| std::env::var_os(name).is_some_and(|v| v == word);
        let forced = env_set("CLICOLOR_FORCE") && !env_is("CLICOLOR_FORCE", "0");
        let wanted = |terminal: bool| match color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto if env_set("NO_COLOR") => false,
            ColorChoice::Auto => forced || (terminal && !dumb && !env_is("CLICOLOR", "0")),
        };
        Self {
            verbosity,
            color: wanted(terminal),
            color_data: wanted(io::stdout().is_terminal()),
            progress: terminal && !dumb && verbosity > Verbosity::Quiet && !env_set("CI"),
        }
    }

    /// Whether escape codes may be written to stderr.
    pub fn color(self) -> bool {
        self.color
    }

    /// How reports on stderr may look: box characters where the locale is UTF-8.
    pub fn report_style(self) -> ReportStyle {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
            .iter()
            .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
            .unwrap_or_default()
            .to_ascii_lowercase();
        ReportStyle { color: self.color, unicode: locale.contains("utf-8") || locale.contains("utf8") }
    }

    /// Whether progress bars are wanted: stderr is a terminal and nobody asked for quiet.
    pub fn progress(self) -> bool {
        self.progress
    }

    /// How much is told.
    pub fn verbosity(self) -> Verbosity {
        self.verbosity
    }

    /// A line for people, left out with `-q`. A stderr that is gone is no error.
    pub fn note(self, line: impl AsRef<str>) {
        if self.verbosity > Verbosity::Quiet {
            drop(writeln!(io::stderr().lock(), "{}", line.as_ref()));
        }
    }

    /// A line for people that `-q` does not silence: warnings and errors.
    pub fn warn(self, line: impl AsRef<str>) {
        drop(writeln!(io::stderr().lock(), "{}", line.as_ref()));
    }

    /// Text to stdout as it is.
    ///
    /// # Errors
    /// When stdout can't be written; a reader that went away is [`io::ErrorKind::BrokenPipe`].
    pub fn data(self, text: impl AsRef<str>) -> io::Result<()> {
        self.bytes(text.as_ref().as_bytes())
    }

    /// Bytes to stdout as they are.
    ///
    /// # Errors
    /// When stdout can't be written.
    pub fn bytes(self, bytes: &[u8]) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(bytes)?;
        out.flush()
    }

    /// Stdout, for data that comes in pieces. One writer at a time.
    pub fn stdout(self) -> impl Write {
        io::stdout().lock()
    }

    /// A table as stdout takes it, with colours if these are wanted.
    pub fn table(self, table: &Table) -> String {
        if self.color_data { table.colored() } else { table.to_string() }
    }

    /// A view in the format that was asked for: `json` and `yaml` serialise `view`, `table` and `name` are made from it.
    ///
    /// # Errors
    /// When stdout can't be written or the view has no such form.
    pub fn view<V: Serialize>(
        self,
        format: Format,
        view: &V,
        table: impl FnOnce(&V) -> Table,
        names: impl FnOnce(&V) -> Vec<String>,
    ) -> anyhow::Result<()> {
        let text = match format {
            Format::Table => self.table(&table(view)),
            Format::Json => serde_json::to_string_pretty(view)? + "\n",
            Format::Yaml => serde_saphyr::to_string(view)?,
            Format::Name => names(view).into_iter().map(|n| n + "\n").collect(),
        };
        Ok(self.data(text)?)
    }
}
