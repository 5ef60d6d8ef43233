//! The outputs processor: stores what simulations produce, records results, and hands them to the web app.

mod accept;
mod admission;
mod answer;
mod arriving;
mod attempt;
mod authority;
mod body;
mod bucket;
mod metrics;
mod pusher;
mod refusal;
mod routes;
mod run;
mod service;
mod state;
mod target;
pub mod wire;

pub use accept::{accept, accept_spooled, write};
pub use admission::Admission;
pub use bucket::mind_bucket;
pub use pusher::pusher;
pub use refusal::Refusal;
pub use routes::router;
pub use run::serve;
pub use service::standalone;
pub use state::{Limits, OutputsProcessor};
pub use target::{Backoff, PushTarget};
