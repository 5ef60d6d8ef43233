use crate::kube::ready::Verdict;
use crate::kube::{Unready, WaitProgress};
use crate::model::ObjectRef;
use crate::ui::{Printer, Progress};

/// Tells a person what a wait sees: one line that changes on a terminal, a line for each change elsewhere.
pub(super) struct Waiting {
    printer: Printer,
    line: Option<Progress>,
}

impl Waiting {
    pub(super) fn new(printer: Printer) -> Self {
        let line = printer.progress().then(|| Progress::spinner(printer, "waiting"));
        Self { printer, line }
    }

    pub(super) fn clear(&mut self) {
        drop(self.line.take());
    }
}

impl WaitProgress for Waiting {
    fn changed(&mut self, object: &ObjectRef, verdict: &Verdict, ready: usize, total: usize) {
        let words = format!("{ready} of {total} ready: {object}: {}", verdict.words());
        match &self.line {
            Some(line) if verdict.is_ready() => {
                line.suspended(|| self.printer.note(format!("ready: {object}: {}", verdict.words())));
            }
            Some(line) => line.message(words),
            None => self.printer.note(words),
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
