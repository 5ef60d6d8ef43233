//! Talks with the web app that models are published on, and finds which models a branch changes.

mod changed;
mod error;
mod web_app;

pub use changed::{Changed, Comparison, changed_files};
pub use error::PublishError;
pub use web_app::{ModelList, fetch_models};
