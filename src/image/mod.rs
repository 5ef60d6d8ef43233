//! Images of models and services, by the Docker engine.
//!
//! An [`Engine`] is connected once a run and shared. Registries are spoken with by csw itself too, for what an engine
//! can't do or isn't needed for.

mod base;
pub mod build;
mod content_key;
pub mod context;
pub mod credentials;
mod docker_config;
mod docker_host;
mod dockerfile;
mod engine;
mod engine_auth;
mod error;
mod isolated;
pub mod list;
pub mod load;
mod lock;
mod program;
pub mod promote;
pub mod prune;
pub mod push;
pub mod registry;
mod templates;
pub mod test;

pub use base::current as current_base;
pub use engine::Engine;
pub use error::ImageError;
pub(crate) use isolated::CHANNEL;
pub use isolated::{Isolated, engine_here};
pub use lock::{LOCK_FILE, Lock, Locked};
pub use program::Program;
pub use templates::ImageTemplates;
