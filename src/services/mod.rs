//! The HTTP services and what drives them: scheduler, dispatcher, and the embedded stack that holds them together.

pub mod catalogue;
pub mod client;
pub mod dispatch;
mod error;
pub mod models;
pub mod outputs_processor;
pub mod scheduler;
pub mod stack;

pub use error::ServiceError;
