//! Images of models and services, by the Docker engine.
//!
//! An [`Engine`] is connected once a run and shared.

pub mod build;
mod docker_host;
mod engine;
mod error;
pub mod test;

pub use engine::Engine;
pub use error::ImageError;
