use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, MultiProgress, ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressStyle};

use crate::executor::environment::PrepareProgress;
use crate::image::push::{PushEvent, PushProgress};
use crate::model::ImageReference;
use crate::ui::Printer;

/// How builds are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// A line an image on a terminal, rewritten as it goes on.
    Lines,
    /// Every line as it comes, behind the name of its image.
    Prefixed,
    /// The lines of an image together when it is done, folded by GitHub Actions.
    Groups,
}

impl Style {
    /// What fits this place.
    pub(super) fn of(printer: Printer) -> Self {
        let set = |name| std::env::var(name).is_ok_and(|v| v == "true");
        match (set("GITHUB_ACTIONS"), printer.progress()) {
            (true, _) => Self::Groups,
            (false, true) => Self::Lines,
            (false, false) => Self::Prefixed,
        }
    }
}

/// All images of a run.
pub(in crate::cli) struct Board {
    printer: Printer,
    style: Style,
    bars: MultiProgress,
}

/// What is done sooner shows nothing.
const PATIENCE: Duration = Duration::from_millis(250);

impl Board {
    pub(super) fn new(printer: Printer) -> Self {
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        Self { printer, style: Style::of(printer), bars }
    }

    /// For output that is shown as a whole, on terminals too.
    pub(super) fn of_logs(printer: Printer) -> Self {
        let mut board = Self::new(printer);
        if board.style == Style::Lines {
            board.style = Style::Prefixed;
        }
        board
    }

    /// The place of one image. Its steps are told as they come, unless everything is done in no time.
    pub(super) fn place<'b>(&'b self, name: &str, width: usize) -> Place<'b> {
        Place {
            board: self,
            name: name.to_owned(),
            width,
            started: Instant::now(),
            state: Mutex::new(State { bar: None, held: Vec::new(), step: String::new() }),
        }
    }

    /// A line for people, above what is being rewritten.
    pub(super) fn note(&self, line: &str) {
        self.bars.suspend(|| self.printer.note(line));
    }

    pub(super) fn style(&self) -> Style {
        self.style
    }
}

/// Where the progress of one image shows.
pub(in crate::cli) struct Place<'b> {
    board: &'b Board,
    name: String,
    width: usize,
    started: Instant,
    state: Mutex<State>,
}

struct State {
    bar: Option<ProgressBar>,
    held: Vec<String>,
    step: String,
}

impl Place<'_> {
    fn tell(&self, line: &str, is_step: bool) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match self.board.style {
            Style::Groups => state.held.push(line.to_owned()),
            Style::Prefixed => {
                let (name, width) = (&self.name, self.width);
                self.board.printer.note(format!("{name:width$} | {line}"));
            }
            Style::Lines => {
                if is_step {
                    state.step = line.to_owned();
                }
                if state.bar.is_none() && self.started.elapsed() < PATIENCE {
                    return;
                }
                let State { bar, step, .. } = &mut *state;
                let bar = bar.get_or_insert_with(|| self.bar());
                match is_step {
                    true => bar.set_message(step.clone()),
                    false => bar.set_message(format!("{step}  {line}")),
                }
            }
        }
    }

    /// A line of what goes on there.
    pub(super) fn line(&self, line: &str) {
        self.tell(line, false);
    }

    fn bar(&self) -> ProgressBar {
        let bar = self.board.bars.add(ProgressBar::new_spinner().with_finish(ProgressFinish::AndClear));
        // A template that is wrong would be seen by its author.
        if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix} {elapsed:>4.dim} {wide_msg:.dim}")
        {
            bar.set_style(style);
        }
        bar.set_prefix(format!("{:width$}", self.name, width = self.width));
        bar.enable_steady_tick(Duration::from_millis(120));
        bar
    }

    /// Ends it with what came of it.
    pub(super) fn end(self, outcome: &str) {
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(bar) = state.bar {
            bar.finish_and_clear();
            self.board.bars.remove(&bar);
        }
        let (name, width) = (&self.name, self.width);
        match self.board.style {
            Style::Groups => {
                // One call, so that no other image's lines come between.
                let lines: String = state.held.iter().map(|l| format!("{}\n", escape(l))).collect();
                self.board.printer.note(format!("::group::{name}: {outcome}\n{lines}::endgroup::"));
            }
            Style::Prefixed => self.board.printer.note(format!("{name:width$} | {outcome}")),
            Style::Lines => self.board.note(&format!("{name:width$}  {outcome}")),
        }
    }
}

impl PrepareProgress for Place<'_> {
    fn step(&self, what: &str) {
        self.tell(what, true);
    }

    fn detail(&self, line: &str) {
        self.tell(line, false);
    }

    fn note(&self, line: &str) {
        match self.board.style {
            Style::Lines => self.board.note(&format!("{}: {line}", self.name)),
            Style::Prefixed | Style::Groups => self.tell(line, false),
        }
    }
}

impl PushProgress for Place<'_> {
    fn event(&self, image: &ImageReference, event: PushEvent) {
        match event {
            PushEvent::Looking => self.step(&format!("Pushing {image}")),
            // Only where a line is rewritten: elsewhere it would be hundreds of them.
            PushEvent::Bytes { done, total } if self.board.style == Style::Lines => {
                self.detail(&format!("{} of {}", HumanBytes(done), HumanBytes(total)));
            }
            PushEvent::TakenOver(why) => {
                self.note(&format!("sent by csw, as the Docker engine can't: {why}"));
            }
            PushEvent::Bytes { .. } | PushEvent::Done => {}
        }
    }
}

/// A line of a build that GitHub Actions must not take for a command to itself.
fn escape(line: &str) -> String {
    if line.starts_with("::") || line.starts_with("##[") { format!(" {line}") } else { line.to_owned() }
}

/// An error as GitHub Actions shows it beside the file of the model.
pub(super) fn github_error(file: Option<(&str, usize)>, title: &str, message: &str) -> String {
    let data = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| data(text).replace(':', "%3A").replace(',', "%2C");
    let place =
        file.map(|(file, line)| format!("file={},line={},", property(file), line.max(1))).unwrap_or_default();
    format!("::error {place}title={}::{}", property(title), data(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn github_reads_what_was_meant() {
        assert_eq!(
            github_error(Some(("config/A/B.yaml", 3)), "A/B: build", "100%\nfailed: x, y"),
            "::error file=config/A/B.yaml,line=3,title=A/B%3A build::100%25%0Afailed: x, y"
        );
        assert_eq!(github_error(None, "redis", "x"), "::error title=redis::x");
        assert_eq!(escape("::set-output name=x::y"), " ::set-output name=x::y");
    }
}
