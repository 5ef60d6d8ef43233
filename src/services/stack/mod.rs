//! The embedded stack: scheduler, outputs processor, store and process runtime in one program, on one listener.

mod address;
mod isolating;
mod local_host;
mod preparation_log;
mod run;

pub use address::{ADDRESS_FILE, StackAddress};
pub use isolating::Isolating;
pub use local_host::LocalHost;
pub use run::{Stack, StackConfig};
