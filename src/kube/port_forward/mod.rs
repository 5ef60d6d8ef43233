//! Listens here and forwards each connection to a pod behind a Service, through the API server.

mod error;
mod forward;
mod pipe;
mod target;

pub use error::PortForwardError;
pub use forward::{ForwardEvent, PortForward};
pub use target::ServicePort;
