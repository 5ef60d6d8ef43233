use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use dialoguer::console::Term;
use indicatif::{
    MultiProgress, ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressState, ProgressStyle,
};

use super::Printer;
use super::line::{Count, Unit, counted, endless};

/// Work that is done sooner shows nothing.
const PATIENCE: Duration = Duration::from_millis(250);
/// How often a line is drawn anew where nothing happens.
const TICK: Duration = Duration::from_millis(100);

/// What a line says beside numbers. Not the bar's own message: that can't be had while a line is drawn.
type Message = Arc<Mutex<Cow<'static, str>>>;

/// Progress on stderr: of countable work with rate and time left, or of one thing with the time it has taken. Never wider
/// than the terminal. Shows nothing where nobody looks. Gone when dropped.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    message: Message,
    showing: Option<tokio::task::JoinHandle<()>>,
}

impl Progress {
    /// So many of something: `what` is its plural.
    pub fn counted(printer: Printer, total: u64, what: &'static str) -> Self {
        let message = Message::default();
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::hidden());
        Self::new(printer, bar.with_style(counting(&message, Unit::Things(what))), message)
    }

    /// One thing that takes its time.
    pub fn spinner(printer: Printer, message: impl Into<Cow<'static, str>>) -> Self {
        let message: Message = Arc::new(Mutex::new(message.into()));
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        let shown = Arc::clone(&message);
        let style =
            style("{spinner} {line}", move |state| endless(&text(&shown), state.elapsed(), columns()));
        Self::new(printer, bar.with_style(style), message)
    }

    fn new(printer: Printer, bar: ProgressBar, message: Message) -> Self {
        let bar = bar.with_finish(ProgressFinish::AndClear);
        let showing = printer.progress().then(|| {
            let bar = bar.clone();
            tokio::spawn(async move {
                tokio::time::sleep(PATIENCE).await;
                bar.set_draw_target(ProgressDrawTarget::stderr());
                bar.enable_steady_tick(TICK);
            })
        });
        Self { bar, message, showing }
    }

    /// One more is done.
    pub fn step(&self) {
        self.bar.inc(1);
    }

    /// So many are done.
    pub fn at(&self, done: u64) {
        self.bar.set_position(done);
    }

    /// What is being done now.
    pub fn message(&self, message: impl Into<Cow<'static, str>>) {
        *self.message.lock().unwrap_or_else(PoisonError::into_inner) = message.into();
    }

    /// Runs what writes to the terminal without the two getting in each other's way.
    pub fn suspended<T>(&self, write: impl FnOnce() -> T) -> T {
        self.bar.suspend(write)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(showing) = self.showing.take() {
            showing.abort();
        }
        self.bar.finish_and_clear();
    }
}

/// A line among others that counts the bytes of what is called so; gone when dropped.
pub fn counted_bytes(lines: &MultiProgress, name: String) -> ProgressBar {
    let message: Message = Arc::new(Mutex::new(name.into()));
    let bar = ProgressBar::new(0).with_style(counting(&message, Unit::Bytes));
    lines.add(bar.with_finish(ProgressFinish::AndClear))
}

fn counting(message: &Message, unit: Unit) -> ProgressStyle {
    let message = Arc::clone(message);
    let last = Arc::new(Mutex::new((0, Instant::now())));
    style("{line}", move |state| {
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.0 != state.pos() {
            *last = (state.pos(), Instant::now());
        }
        let count = Count {
            message: &text(&message),
            done: state.pos(),
            total: state.len().unwrap_or_default(),
            unit,
            elapsed: state.elapsed(),
            still: last.1.elapsed(),
        };
        counted(&count, columns())
    })
}

fn style(
    template: &str,
    line: impl Fn(&ProgressState) -> String + Send + Sync + Clone + 'static,
) -> ProgressStyle {
    // A template that is wrong would be seen by its author.
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    style.with_key("line", move |state: &ProgressState, to: &mut dyn std::fmt::Write| {
        // The buffer takes everything.
        let _: std::fmt::Result = to.write_str(&line(state));
    })
}

fn text(message: &Message) -> Cow<'static, str> {
    message.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Columns of the terminal that stderr is.
fn columns() -> usize {
    Term::stderr().size_checked().map_or(80, |(_, columns)| usize::from(columns))
}
