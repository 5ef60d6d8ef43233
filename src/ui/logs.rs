//! Logs: what happens inside, on stderr, with every secret that the run has touched masked.

use std::io;

use tracing::Level;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::{Printer, Verbosity};
use crate::secret::touched;

pub use crate::secret::touched::mask;

/// Starts logging: warnings and errors, with `-v` what is done, with `-vv` how, with `-vvv` the libraries' too; with `-q`
/// errors alone. Later calls change nothing.
pub(crate) fn start(printer: Printer) {
    let (ours, theirs) = match printer.verbosity() {
        Verbosity::Quiet => (Level::ERROR, Level::ERROR),
        Verbosity::Normal => (Level::WARN, Level::ERROR),
        Verbosity::Verbose(0 | 1) => (Level::INFO, Level::WARN),
        Verbosity::Verbose(2) => (Level::DEBUG, Level::WARN),
        Verbosity::Verbose(_) => (Level::TRACE, Level::TRACE),
    };
    let lines = tracing_subscriber::fmt::layer().with_writer(Stderr).with_ansi(printer.color());
    // What the Kubernetes client calls an error is often one that the next attempt gets over.
    let client = if theirs == Level::TRACE { LevelFilter::TRACE } else { LevelFilter::OFF };
    let targets = Targets::new()
        .with_default(theirs)
        .with_target("csw", ours)
        .with_target("kube_client", client)
        .with_target("kube_runtime", client);
    // It fails when logging was started before, which is as good.
    drop(tracing_subscriber::registry().with(targets).with(lines).try_init());
}

/// Masks what [`mask`] was told of.
pub fn masked(text: &str) -> String {
    touched::redactor().text(text)
}

#[derive(Debug, Clone, Copy)]
struct Stderr;

impl<'a> MakeWriter<'a> for Stderr {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        *self
    }
}

impl io::Write for Stderr {
    /// `fmt` writes an event as one whole.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        io::Write::write_all(&mut io::stderr().lock(), &touched::redactor().bytes(event))?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::Write::flush(&mut io::stderr())
    }
}
