//! Runs one task of a model inside the model's own environment.
//!
//! [`environment`] makes a model ready;
//! [`run`] starts a process for one [`Launch`] and turns whatever happens into a result;
//! [`WorkerPool`] keeps interpreters for short tasks; [`JobDir`] or [`ImageModel`] is what `csw job` works from, and
//! [`Recipient`] is whom it brings the result to.

mod command;
mod environ;
pub mod environment;
mod error;
mod image_model;
mod job_dir;
mod launch;
mod log;
mod memory;
mod outgoing;
mod pool;
mod process;
mod python;
mod recipient;
mod reply;
mod run;
mod sinks;
mod story;
mod validate;

pub(crate) use command::request as command_request;
pub use error::ExecutorError;
pub use image_model::ImageModel;
pub use job_dir::JobDir;
pub use launch::Launch;
pub use memory::adopt_orphans;
pub use pool::{PoolSize, WorkerPool};
pub(crate) use process::describe as describe_exit;
pub use recipient::{Delivered, Recipient};
pub use run::run;
pub use sinks::Sinks;
pub(crate) use validate::result as check_result;
