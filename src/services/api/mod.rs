//! What the HTTP services have in common: JSON bodies, answers that say what is wrong, and an orderly end.

mod body;
mod error;
mod exact;
mod params;
mod problem;
mod problems;
mod serve;

pub(in crate::services) use body::{Body, Text};
pub use error::ApiError;
pub(in crate::services) use exact::Exact;
pub(in crate::services) use params::{PathOf, QueryOf};
pub use problem::Problem;
pub(in crate::services) use problems::as_problems;
pub use serve::Full;
pub(in crate::services) use serve::{Held, Serving, serve};
