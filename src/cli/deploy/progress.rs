use std::cell::RefCell;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::sink::ApplyProgress;
use crate::ui::Printer;

/// A bar for work that takes longer than a moment.
pub(in crate::cli) struct Progress {
    printer: Printer,
    begun: Instant,
    bar: RefCell<Option<(&'static str, ProgressBar)>>,
}

impl Progress {
    pub(in crate::cli) fn new(printer: Printer) -> Self {
        Self { printer, begun: Instant::now(), bar: RefCell::new(None) }
    }

    fn at(&self, what: &'static str, done: usize, total: usize) {
        if !self.printer.progress() || self.begun.elapsed() < Duration::from_millis(250) {
            return;
        }
        let mut bar = self.bar.borrow_mut();
        if bar.as_ref().is_none_or(|(of, _)| *of != what) {
            if let Some((_, old)) = bar.take() {
                old.finish_and_clear();
            }
            let style = ProgressStyle::with_template("{msg:10} [{bar:30}] {pos}/{len} {per_sec} {eta}")
                .unwrap_or_else(|_| ProgressStyle::default_bar());
            *bar = Some((what, ProgressBar::new(total as u64).with_style(style).with_message(what)));
        }
        if let Some((_, bar)) = bar.as_ref() {
            bar.set_position(done as u64);
        }
    }

    pub(in crate::cli) fn clear(&self) {
        if let Some((_, bar)) = self.bar.borrow_mut().take() {
            bar.finish_and_clear();
        }
    }
}

impl ApplyProgress for Progress {
    fn checked(&self, done: usize, total: usize) {
        self.at("Checking", done, total);
    }

    fn applied(&self, done: usize, total: usize) {
        self.at("Applying", done, total);
    }
}
