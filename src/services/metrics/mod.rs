//! What the services tell Prometheus: counters and histograms of their own, and of every request.

mod exposition;
mod requests;

pub(in crate::services) use exposition::exposition;
pub(in crate::services) use requests::{Requests, measured};
