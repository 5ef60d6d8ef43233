//! What callers of a service prove themselves with: any of several tokens, exchanged while the service runs.

mod accepted;
mod file;
mod listener;
mod local;
mod text;

pub use accepted::Tokens;
pub use local::{LocalToken, Registered};
pub use text::{first, words};
