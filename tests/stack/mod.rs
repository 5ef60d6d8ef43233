//! The embedded stack: its runtime, its services, its behaviour under kill -9.

mod api;
mod crash;
mod dispatch;
mod harness;
mod local;
mod page;
mod private;
mod pushing;
mod recovery;
mod runtime;
mod scheduler;
mod schemathesis;
mod serving;
mod tokens;
