//! Outputs as they arrive: a body of any size is read once, checked, and packed on the way, in little memory.

mod base64_text;
mod body;
mod item;
mod json;
mod list;
mod utf8;

pub(super) use base64_text::Decoder;
pub use body::{IntakeError, read_written};
