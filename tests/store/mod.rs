//! The job store: what every implementation must do, and what each promises besides.

mod conformance;
mod embedded;
mod redis;
mod redis_crashes;
