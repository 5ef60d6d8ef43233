//! The Kubernetes API: who we are and where the server is, requests with retries, discovery, watches, readiness.

mod access;
mod cause;
mod cluster;
mod collection;
mod config;
mod discovery;
pub mod doctor;
mod error;
mod lease;
mod log_stream;
mod logs;
mod observer;
pub mod port_forward;
pub mod ready;
mod request;
mod retry;
mod seen;
mod status;
mod unquoted;
mod wait;
mod watch;
mod words;

pub use access::{Access, DEFAULT_CONCURRENCY};
pub use cluster::Cluster;
pub use collection::{Deletion, Insist, Propagation};
pub use discovery::{Missing, Resource, Served};
pub use error::KubeError;
pub use lease::{Election, Leadership, Terms};
pub use log_stream::{LogLine, LogRange};
pub use logs::LogTail;
pub use observer::{Observer, Sight, Target};
pub use request::{Applied, Body, Dependents};
pub use status::Refusal;
pub use wait::{Unready, WaitProgress};
pub use watch::{Selection, Watched};
