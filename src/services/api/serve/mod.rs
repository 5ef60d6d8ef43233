//! The one way to serve HTTP: HTTP/1.1 and nothing else, with an end to everything that a caller may be slow at.

mod connection;
mod headers;
mod memory;
mod paced;
mod run;
mod steady;

pub use memory::Full;
pub(in crate::services) use memory::Held;
pub(in crate::services) use run::{Serving, serve};
