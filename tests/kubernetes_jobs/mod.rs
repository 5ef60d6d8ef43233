//! `csw jobs … --on kubernetes`, on a real cluster with shell commands for models.

mod by_scheduler;
mod cleanup;
mod ending;
mod listing;
mod logs;
mod place;

pub use place::Job;
