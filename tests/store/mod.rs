//! The job store: what every implementation must do, and what the embedded one promises besides.

mod conformance;
mod embedded;
