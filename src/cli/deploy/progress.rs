use std::cell::RefCell;

use crate::sink::ApplyProgress;
use crate::ui::{Printer, Progress as Bar};

/// A bar for each of the steps that take longer than a moment.
pub(in crate::cli) struct Progress {
    printer: Printer,
    bar: RefCell<Option<(&'static str, Bar)>>,
}

impl Progress {
    pub(in crate::cli) fn new(printer: Printer) -> Self {
        Self { printer, bar: RefCell::new(None) }
    }

    fn at(&self, what: &'static str, done: usize, total: usize) {
        let mut bar = self.bar.borrow_mut();
        if bar.as_ref().is_none_or(|(of, _)| *of != what) {
            // One is gone before the next shows.
            drop(bar.take());
            let next = Bar::counted(self.printer, total as u64, "objects");
            next.message(what);
            *bar = Some((what, next));
        }
        if let Some((_, bar)) = bar.as_ref() {
            bar.at(done as u64);
        }
    }

    pub(in crate::cli) fn clear(&self) {
        drop(self.bar.borrow_mut().take());
    }
}

impl ApplyProgress for Progress {
    fn checked(&self, done: usize, total: usize) {
        self.at("Checking", done, total);
    }

    fn applied(&self, done: usize, total: usize) {
        self.at("Applying", done, total);
    }

    fn deleted(&self, done: usize, total: usize) {
        self.at("Deleting", done, total);
    }
}
