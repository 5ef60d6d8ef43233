//! Speaks with a scheduler: the client side of [`super::scheduler`].

mod error;
mod http;

pub use error::ClientError;
pub use http::SchedulerClient;
