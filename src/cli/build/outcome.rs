use super::progress::{Board, Style, github_error};
use super::{Job, What};
use crate::error::{Exit, Failure};
use crate::image::build::{BuildRecord, BuildRecords};
use crate::ui::{self, Printer};

/// What has become of the images of a run so far.
pub(super) struct Outcomes<'b> {
    board: &'b Board,
    printer: Printer,
    total: usize,
    records: BuildRecords,
    failed: Vec<String>,
    /// Of the first failure.
    exit: Option<Exit>,
}

impl<'b> Outcomes<'b> {
    /// Nothing yet, of so many images.
    pub(super) fn new(board: &'b Board, printer: Printer, total: usize) -> Self {
        Self { board, printer, total, records: BuildRecords::default(), failed: Vec::new(), exit: None }
    }

    /// Keeps the record of an image, if there is one.
    pub(super) fn built(&mut self, record: Option<BuildRecord>) {
        self.records.images.extend(record);
    }

    /// Tells what went wrong: also to GitHub, beside the file of the model.
    pub(super) fn failed(&mut self, job: &Job<'_>, error: &anyhow::Error) {
        if self.board.style() == Style::Groups {
            let file = if let What::Model(_, file) = job.what { file } else { None };
            let message = ui::logs::masked(&format!("{error:#}"));
            self.board.note(&github_error(file, &job.target.name, &message));
        }
        let exit = ui::report(self.printer, error);
        self.exit = self.exit.or(Some(exit));
        self.failed.push(job.target.name.clone());
    }

    /// All records, by target.
    pub(super) fn records(&mut self) -> BuildRecords {
        self.records.images.sort_by(|a, b| a.target.cmp(&b.target));
        self.records.clone()
    }

    /// How the run ends. Where errors are ignored, it is one error that names all that failed.
    pub(super) fn end(mut self, ignore_errors: bool) -> anyhow::Result<Exit> {
        let Some(exit) = self.exit else { return Ok(Exit::Ok) };
        let done = |name: &String| self.records.images.iter().any(|record| record.target == *name);
        if ignore_errors {
            self.failed.sort();
            let what = if self.failed.iter().any(done) { "built and pushed" } else { "built" };
            let (failed, total) = (self.failed.len(), self.total);
            let message = format!("{failed} of {total} images were not {what}: {}", self.failed.join(", "));
            return Err(Failure::config(message).into());
        }
        let unfinished = self.failed.iter().filter(|name| !done(name)).count();
        let rest = self.total.saturating_sub(self.records.images.len() + unfinished);
        if rest > 0 {
            self.printer.note(format!("{rest} others were not built; --ignore-ci-errors goes on with them"));
        }
        Ok(exit)
    }
}
