//! What shells offer at TAB beyond commands and flags.
//!
//! Nothing here fails, asks or waits: what can't be told at once, without a question and without running other people's
//! programs, is not offered.

mod commands;
mod context;
mod contexts;
mod jobs;
mod models;
mod namespaces;
mod parameters;
mod secrets;
mod words;

use std::sync::mpsc;
use std::time::Duration;

pub(super) use commands::command_words;
pub(super) use contexts::context_names;
pub(super) use jobs::job_ids;
pub(super) use models::model_names;
pub(super) use namespaces::namespace_names;
pub(super) use parameters::parameter_paths;
pub(super) use secrets::secret_names;
pub(super) use words::typed;

/// Nobody waits longer than this for an answer at TAB.
const PATIENCE: Duration = Duration::from_millis(1500);

/// A shell that offers more helps nobody.
const MOST: usize = 1000;

/// When the shell gets its prompt back whatever is under way: a file may be a pipe that nobody writes to.
const END: Duration = Duration::from_secs(3);

/// What an answer to a shell is made of: nobody is asked anything, and without an answer in time there is none.
pub(super) fn unattended<T: Send + 'static>(answer: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    crate::ui::prompt::forbid();
    let (sender, receiver) = mpsc::channel();
    // As much as the main thread has.
    let thread = std::thread::Builder::new().stack_size(8 << 20).spawn(move || drop(sender.send(answer())));
    thread.ok().and_then(|_| receiver.recv_timeout(END).ok())
}

/// The answer of a future that has one in time.
fn in_time<T>(answer: impl Future<Output = Option<T>>) -> Option<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    let answer = runtime.block_on(async { tokio::time::timeout(PATIENCE, answer).await.ok().flatten() });
    // What blocks a thread (a look-up of a name, say) would be waited for.
    runtime.shutdown_background();
    answer
}
