use super::progress::{Board, Place, Style, github_error};
use crate::ui::{Printer, logs};

/// Where the lines of models' tests show: as they come, behind the model's name where there are several of them, or folded
/// by GitHub Actions.
pub(in crate::cli) struct TestLog {
    board: Board,
    /// Of the longest name; none where there is but one.
    width: Option<usize>,
}

impl TestLog {
    /// For tests of these models.
    pub(in crate::cli) fn new(printer: Printer, names: impl Iterator<Item = String>) -> Self {
        let widths: Vec<usize> = names.map(|name| name.len()).collect();
        let width = widths.iter().copied().max().filter(|_| widths.len() > 1);
        Self { board: Board::of_logs(printer), width }
    }

    /// The place of one model.
    pub(in crate::cli) fn place(&self, name: &str) -> TestPlace<'_> {
        let folded = self.board.style() == Style::Groups;
        match self.width {
            None if !folded => TestPlace::Alone(&self.board, name.to_owned()),
            width => TestPlace::Among(self.board.place(name, width.unwrap_or_default())),
        }
    }

    /// Shows GitHub what is wrong, beside the model's file.
    pub(in crate::cli) fn github_error(&self, file: Option<&(String, usize)>, title: &str, message: &str) {
        if self.board.style() == Style::Groups {
            let file = file.map(|(file, line)| (file.as_str(), *line));
            self.board.note(&github_error(file, title, &logs::masked(message)));
        }
    }
}

/// Where the lines of one model's tests show.
pub(in crate::cli) enum TestPlace<'l> {
    Alone(&'l Board, String),
    Among(Place<'l>),
}

impl TestPlace<'_> {
    /// A line of the tests.
    pub(in crate::cli) fn line(&self, line: &str) {
        match self {
            Self::Alone(board, _) => board.note(line),
            Self::Among(place) => place.line(line),
        }
    }

    /// Ends it with what came of it.
    pub(in crate::cli) fn end(self, outcome: &str) {
        match self {
            Self::Alone(board, name) => board.note(&format!("{name}: {outcome}")),
            Self::Among(place) => place.end(outcome),
        }
    }
}
