use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::kube::ready::Verdict;
use crate::kube::{Unready, WaitProgress};
use crate::model::ObjectRef;
use crate::ui::Printer;

/// Tells a person what a wait sees: one line that changes on a terminal, a line for each change elsewhere.
pub(super) struct Waiting {
    printer: Printer,
    begun: Instant,
    bar: Option<ProgressBar>,
}

impl Waiting {
    pub(super) fn new(printer: Printer) -> Self {
        Self { printer, begun: Instant::now(), bar: None }
    }

    fn bar(&mut self) -> Option<&ProgressBar> {
        if !self.printer.progress() {
            return None;
        }
        if self.bar.is_none() && self.begun.elapsed() >= Duration::from_millis(250) {
            let bar = ProgressBar::new_spinner().with_style(
                ProgressStyle::with_template("{spinner} {elapsed} {msg}")
                    .unwrap_or_else(|_| ProgressStyle::default_spinner()),
            );
            bar.enable_steady_tick(Duration::from_millis(120));
            self.bar = Some(bar);
        }
        self.bar.as_ref()
    }

    pub(super) fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl WaitProgress for Waiting {
    fn changed(&mut self, object: &ObjectRef, verdict: &Verdict, ready: usize, total: usize) {
        let line = format!("{ready} of {total} ready: {object}: {}", verdict.words());
        if self.printer.progress() {
            let done = verdict.is_ready();
            if let Some(bar) = self.bar() {
                if done {
                    bar.println(format!("ready: {object}: {}", verdict.words()));
                } else {
                    bar.set_message(line);
                }
            }
        } else {
            self.printer.note(line);
        }
    }
}

/// What kept objects from getting ready, in sentences, with what their containers said last.
pub(super) fn explain(unready: &[Unready]) -> String {
    let mut lines = Vec::new();
    for Unready { object, trouble, timed_out, log } in unready {
        let late = if *timed_out { "not ready in time: " } else { "" };
        lines.push(format!("{object}: {late}{}", trouble.words()));
        if let Some(log) = log {
            lines.push(format!("  last lines of container {} in pod {}:", log.container, log.pod));
            lines.extend(log.lines.iter().map(|l| format!("    {}", clean(l))));
        }
    }
    lines.join("\n")
}

/// A program's output may hold escape codes that would rearrange the terminal.
fn clean(line: &str) -> String {
    line.chars().map(|c| if c.is_control() && c != '\t' { '\u{fffd}' } else { c }).collect()
}
