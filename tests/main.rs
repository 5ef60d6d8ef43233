//! One runner for all integration tests: a module per noun, hermetic, against the built binary.

#![allow(missing_docs, unreachable_pub, dead_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr
)]

mod architecture;
mod cluster;
mod completions;
mod dependencies;
mod end_to_end;
mod examples;
mod executor;
mod generated;
mod help;
mod image_builds;
mod inputs_server;
mod isolation;
mod job_runtimes;
mod jobs;
mod kubernetes_jobs;
mod models;
mod outputs;
mod outputs_processor;
mod packages;
mod proxies;
mod push;
mod readme;
mod registry;
mod render;
mod secrets;
mod settings;
mod stack;
mod store;
mod support;
mod system;
