//! The HTTP services and what drives them: scheduler, dispatcher, outputs processor and inputs servers, and the embedded
//! stack that holds them together.

mod answer;
pub mod api;
pub mod catalogue;
pub mod client;
pub mod cluster;
pub mod dispatch;
mod error;
pub mod inputs_server;
mod metrics;
pub mod models;
mod openapi;
pub mod outputs_processor;
pub mod results;
pub mod scheduler;
pub mod stack;
pub mod tokens;

pub use error::ServiceError;

/// The Service by which the scheduler is reached in a cluster.
pub const SCHEDULER_SERVICE: &str = "scheduler";
/// Its port.
pub const SCHEDULER_PORT: u16 = 80;
