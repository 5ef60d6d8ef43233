//! Models and settings become Kubernetes objects: synchronous, deterministic, without any I/O.
//!
//! A [`Renderer`] is made once from [`Templates`] and a [`RenderContext`]; it then renders the services' objects, one
//! model's objects, or the Job of one simulation. Nothing here reads a file, a clock or the environment.

mod context;
mod error;
mod fill;
mod filters;
mod hole;
pub mod job;
mod model_view;
mod models;
mod object;
mod redis_acl;
mod renderer;
mod secret_text;
mod skeleton;
mod tags;
mod template;
mod templates;
mod version;
pub mod yaml;

pub use context::{ModelInput, RedisPasswords, RenderContext, ServicesContext};
pub use error::RenderError;
pub use models::CheckedModels;
pub use object::Object;
pub use renderer::Renderer;
pub use templates::Templates;
pub use version::KubeVersion;
