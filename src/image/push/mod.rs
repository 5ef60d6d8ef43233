//! Brings images of the engine to registries.

mod archive;
mod by_csw;
mod by_engine;
mod error;
mod progress;
mod registries;
mod run;

pub(in crate::image) use by_engine::find as find_in_engine;
pub use error::PushError;
pub use progress::{PushEvent, PushProgress};
pub use registries::Registries;
pub use run::{PushRequest, Pushed, Way, check, push};
