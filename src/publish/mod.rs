//! Talks with the web app that models are published on.

mod error;
mod web_app;

pub use error::PublishError;
pub use web_app::{ModelList, fetch_models};
