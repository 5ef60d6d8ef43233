use std::fmt;

use dialoguer::console::measure_text_width;
use tabled::builder::Builder;
use tabled::settings::{Padding, Style, Width, peaker::PriorityMax};

/// Rows under a heading, cut to the terminal's width when stdout is one; whole otherwise, for pipes.
#[derive(Debug, Clone)]
pub struct Table {
    heading: Vec<&'static str>,
    rows: Vec<Vec<String>>,
    notes: Vec<String>,
    empty: &'static str,
    /// Columns are at least so wide.
    widths: Vec<usize>,
    /// Without its heading.
    bare: bool,
}

impl Table {
    /// A table with these column headings, upper-case by convention; `empty` is shown when there is no row.
    pub fn new(heading: &[&'static str], empty: &'static str) -> Self {
        Self {
            heading: heading.to_vec(),
            rows: Vec::new(),
            notes: Vec::new(),
            empty,
            widths: Vec::new(),
            bare: false,
        }
    }

    /// Adds a row; one cell a heading. Line breaks and control characters in a cell become blanks.
    pub fn row(&mut self, cells: impl IntoIterator<Item = impl Into<String>>) {
        self.rows.push(cells.into_iter().map(|c| clean(c.into())).collect());
    }
}

impl Table {
    /// Adds a paragraph below the rows, which is not cut.
    pub fn note(&mut self, note: impl Into<String>) {
        self.notes.push(clean(note.into()));
    }
}

/// Line breaks and control characters become blanks.
fn clean(text: String) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Widths of a table's columns, for one that is written piece by piece.
#[derive(Debug, Default)]
pub struct Columns(Vec<usize>);

impl Table {
    /// The table with the words for states coloured.
    pub fn colored(&self) -> String {
        let plain = self.to_string();
        if self.rows.is_empty() {
            return plain;
        }
        let state = self.heading.iter().position(|heading| STATES.contains(heading));
        let Some((state, heading)) = state.zip(plain.lines().next()) else { return plain };
        let title = self.heading.get(state).copied().unwrap_or_default();
        // A heading is what stands above its column, and no heading is a part of another that comes before it.
        let Some(from) = self.start_of(heading, state) else { return plain };
        let mut text = String::with_capacity(plain.len() * 2);
        // What stands below the rows is no row.
        let rows = std::iter::once(None).chain(self.rows.iter().map(Some)).chain(std::iter::repeat(None));
        for (line, row) in plain.lines().zip(rows) {
            let word = row.and_then(|row| row.get(state)).map_or(title, String::as_str);
            match row.and_then(|_| color(word)).zip(split_at_column(line, from)) {
                Some((color, (before, rest))) => {
                    // It may have been cut short.
                    let shown = rest.split("  ").next().unwrap_or_default();
                    let shown = shown.get(..word.len().min(shown.len())).unwrap_or(shown).trim_end();
                    let after = rest.get(shown.len()..).unwrap_or_default();
                    text += &format!("{before}\x1b[{color}m{shown}\x1b[0m{after}\n");
                }
                None => {
                    text += line;
                    text.push('\n');
                }
            }
        }
        text
    }

    /// Where the column begins of which the headings are this line.
    fn start_of(&self, line: &str, column: usize) -> Option<usize> {
        let mut at = 0;
        for heading in self.heading.iter().take(column) {
            at += line.get(at..)?.find(heading)? + heading.len();
        }
        Some(at + line.get(at..)?.find(self.heading.get(column)?)?)
    }

    /// The rows as they go on below those that were written before, with the heading where there were none.
    pub fn continued(mut self, columns: &mut Columns) -> Self {
        self.bare = !columns.0.is_empty();
        columns.0.resize(self.heading.len(), 0);
        for (at, width) in columns.0.iter_mut().enumerate() {
            let cells = self.rows.iter().filter_map(|row| row.get(at).map(String::as_str));
            let widest = cells.chain(self.heading.get(at).copied()).map(measure_text_width).max();
            *width = (*width).max(widest.unwrap_or_default());
        }
        self.widths.clone_from(&columns.0);
        self
    }
}

/// Headings of columns that say how something stands.
const STATES: [&str; 5] = ["STATUS", "STATE", "RESULT", "LEVEL", "ACTION"];

/// The colour of a word that says how something stands.
fn color(word: &str) -> Option<&'static str> {
    let first = word.split([' ', ':', ',']).next().unwrap_or_default().to_ascii_lowercase();
    Some(match first.as_str() {
        "success" | "succeeded" | "ready" | "passed" | "ok" | "created" | "create" | "built" | "pushed" => {
            "32"
        }
        "fail" | "failed" | "error" | "conflict" | "refused" | "delete" | "deleted" | "dead" => "31",
        "pending" | "waiting" | "warning" | "update" | "updated" | "replace" | "timed" | "interrupted" => {
            "33"
        }
        "running" | "starting" => "36",
        "cancelled" | "skipped" | "unchanged" | "keep" | "kept" => "2",
        _ => return None,
    })
}

/// The line before and from a column on.
fn split_at_column(line: &str, column: usize) -> Option<(&str, &str)> {
    let mut width = 0;
    for (at, c) in line.char_indices() {
        if width == column {
            return Some(line.split_at(at));
        }
        width += measure_text_width(c.encode_utf8(&mut [0; 4]));
    }
    None
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.rows.is_empty() {
            return writeln!(f, "{}", self.empty);
        }
        let mut builder = Builder::with_capacity(self.rows.len() + 1, self.heading.len());
        let wide = |(at, cell): (usize, &str)| {
            let missing = self.widths.get(at).copied().unwrap_or_default();
            format!("{cell}{}", " ".repeat(missing.saturating_sub(measure_text_width(cell))))
        };
        if !self.bare {
            builder.push_record(self.heading.iter().copied().enumerate().map(wide));
        }
        for row in &self.rows {
            builder.push_record(row.iter().map(String::as_str).enumerate().map(wide));
        }
        let mut table = builder.build();
        table.with(Style::blank()).with(Padding::new(0, 1, 0, 0));
        if let Some(width) = stdout_width() {
            table.with(Width::truncate(width).suffix("…").priority(PriorityMax::right()));
        }
        for line in table.to_string().lines() {
            writeln!(f, "{}", line.trim_end())?;
        }
        for note in &self.notes {
            writeln!(f, "\n{}", note.trim_end())?;
        }
        Ok(())
    }
}

/// Columns of the terminal that stdout is, if it is one.
fn stdout_width() -> Option<usize> {
    rustix::termios::tcgetwinsize(std::io::stdout()).ok().map(|w| usize::from(w.ws_col)).filter(|w| *w >= 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_cells_stay_on_one_line() {
        let mut table = Table::new(&["NAME", "WHAT"], "nothing");
        table.row(["a", "first\nsecond"]);
        table.row(["longer", "\u{1b}[31mred"]);
        assert_eq!(table.to_string(), "NAME    WHAT\na       first second\nlonger   [31mred\n");
        assert_eq!(Table::new(&["NAME"], "No models").to_string(), "No models\n");
        assert_eq!(Table::new(&["STATUS"], "No models").colored(), "No models\n");
    }

    #[test]
    fn words_for_states_are_coloured_and_nothing_else() {
        let mut table = Table::new(&["ID", "STATUS", "REASON"], "nothing");
        table.row(["日本", "FAIL", "FAIL"]);
        table.row(["SUCCESS", "SUCCESS", ""]);
        table.row(["c", "strange", "x"]);
        let colored = table.colored();
        assert_eq!(
            colored,
            "ID       STATUS   REASON\n日本     \u{1b}[31mFAIL\u{1b}[0m     FAIL\n\
             SUCCESS  \u{1b}[32mSUCCESS\u{1b}[0m\nc        strange  x\n"
        );
        let stripped = dialoguer::console::strip_ansi_codes(&colored);
        assert_eq!(stripped, table.to_string());
    }

    #[test]
    fn a_table_goes_on_below_in_the_same_columns() {
        let mut columns = Columns::default();
        let mut piece = |id: &str, status: &str| {
            let mut table = Table::new(&["ID", "STATUS"], "nothing");
            table.row([id, status]);
            table.continued(&mut columns).to_string()
        };
        assert_eq!(piece("run-10", "PENDING"), "ID      STATUS\nrun-10  PENDING\n");
        assert_eq!(piece("a", "FAIL"), "a       FAIL\n");
    }
}
