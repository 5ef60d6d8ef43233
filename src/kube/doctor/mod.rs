//! What may be wrong with a cluster, or with us in it, found by asking; each finding with what to do about it.

mod examine;
mod finding;
mod needs;
mod nodes;
mod permissions;
mod place;
mod pull_secrets;
mod server;
mod storage;

pub use examine::{examine, unplaced};
pub use finding::{Finding, Level};
pub use pull_secrets::pod_specs;
