//! Brings accepted jobs to an end: starts them in order, watches them, takes their results, tries again.

mod board;
mod conclude;
mod dispatcher;
mod fill;
mod host;
mod lane;
mod limits;
mod reason;
mod reconcile;
mod settle;
mod start;
mod throttle;

pub use dispatcher::Dispatcher;
pub use host::ModelHost;
pub use limits::Limits;
