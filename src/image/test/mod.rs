//! Runs a model's own tests in its image, in a container that is gone afterwards, whatever happens.
//!
//! The container's first process waits for the end of its stdin, which is a connection to csw; it and all that runs
//! beside it end when csw does, and the engine removes it then. What tests the model is started beside it, with the
//! model's secrets in the environment of that process alone: the engine keeps no record of them.

mod app;
mod container;
mod example;
mod exec;
mod junit;
mod leftovers;
mod log;
mod owner;
mod pytest;
mod report;
mod run;

pub(super) use container::{is_gone, remove};
pub use junit::write_junit;
pub use leftovers::remove_leftovers;
pub use report::{Case, CaseOutcome, Ending, Suite, TestReport};
pub use run::{TestRun, test};
