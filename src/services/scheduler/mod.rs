//! The scheduler's HTTP face: what the web app and `csw jobs` speak with.

mod cleanup;
mod describe;
mod guard;
mod jobs;
mod links;
mod logs;
mod metrics;
mod page;
mod results;
mod routes;
mod state;
mod submit;
mod sync;
pub mod wire;
mod wire_schemas;

pub use guard::{Access, guard};
pub use routes::router;
pub use state::SchedulerState;
