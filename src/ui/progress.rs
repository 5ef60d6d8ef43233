use std::borrow::Cow;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Printer;

/// Work that is done sooner shows nothing.
const PATIENCE: Duration = Duration::from_millis(250);

/// Progress on stderr: of countable work with rate and time left, or of one thing with the time it has taken. Shows
/// nothing where nobody looks. Gone when dropped.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    showing: Option<tokio::task::JoinHandle<()>>,
}

impl Progress {
    /// So many of something: `what` is its plural.
    pub fn counted(printer: Printer, total: u64, what: &'static str) -> Self {
        let template = format!("{{bar:30}} {{pos}}/{{len}} {what} · {{per_sec}} · {{eta}} left {{msg}}");
        Self::new(
            printer,
            ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::hidden()),
            &template,
        )
    }

    /// One thing that takes its time.
    pub fn spinner(printer: Printer, message: impl Into<Cow<'static, str>>) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        bar.set_message(message);
        Self::new(printer, bar, "{spinner} {msg} {elapsed}")
    }

    fn new(printer: Printer, bar: ProgressBar, template: &str) -> Self {
        // A template that is wrong would be seen by its author.
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        let showing = printer.progress().then(|| {
            let bar = bar.clone();
            tokio::spawn(async move {
                tokio::time::sleep(PATIENCE).await;
                bar.set_draw_target(ProgressDrawTarget::stderr());
                bar.enable_steady_tick(Duration::from_millis(100));
            })
        });
        Self { bar, showing }
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
        self.bar.set_message(message);
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
