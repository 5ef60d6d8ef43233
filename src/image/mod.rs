//! Images of models and services, by the Docker engine.
//!
//! An [`Engine`] is connected once a run and shared. Registries are spoken with by csw itself too, for what an engine
//! can't do or isn't needed for.

pub mod build;
pub mod credentials;
mod docker_host;
mod engine;
mod error;
pub mod list;
pub mod load;
pub mod promote;
pub mod prune;
pub mod push;
pub mod registry;
pub mod test;

pub use engine::Engine;
pub use error::ImageError;
