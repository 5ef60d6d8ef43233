//! The outputs processor: stores what simulations produce, records results, and hands them to the web app.

mod accept;
mod answer;
mod attempt;
mod body;
mod pusher;
mod refusal;
mod routes;
mod state;
mod target;

pub use accept::{accept, accept_spooled, write};
pub use pusher::pusher;
pub use refusal::Refusal;
pub use routes::{router, standalone};
pub use state::{Limits, OutputsProcessor};
pub use target::{Backoff, PushTarget};
