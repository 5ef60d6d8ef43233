use std::fmt;

use tabled::builder::Builder;
use tabled::settings::{Padding, Style, Width, peaker::PriorityMax};

/// Rows under a heading, cut to the terminal's width when stdout is one; whole otherwise, for pipes.
#[derive(Debug, Clone)]
pub struct Table {
    heading: Vec<&'static str>,
    rows: Vec<Vec<String>>,
    notes: Vec<String>,
    empty: &'static str,
}

impl Table {
    /// A table with these column headings, upper-case by convention; `empty` is shown when there is no row.
    pub fn new(heading: &[&'static str], empty: &'static str) -> Self {
        Self { heading: heading.to_vec(), rows: Vec::new(), notes: Vec::new(), empty }
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

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.rows.is_empty() {
            return writeln!(f, "{}", self.empty);
        }
        let mut builder = Builder::with_capacity(self.rows.len() + 1, self.heading.len());
        builder.push_record(self.heading.iter().copied());
        for row in &self.rows {
            builder.push_record(row);
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
    }
}
