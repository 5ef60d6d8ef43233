//! Flags over environment over `csw.yaml` over defaults, resolved once into plain values that know where they come from.

mod error;
mod file;
mod resolve;
mod setting;

pub use error::SettingsError;
pub use resolve::{Overrides, Settings};
pub use setting::{Origin, Setting};
