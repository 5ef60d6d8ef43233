//! Executors as child processes of this machine: the embedded default.

mod folder;
mod identity;
mod kill;
mod logs;
mod runtime;
mod watch;

pub use runtime::ProcessRuntime;
