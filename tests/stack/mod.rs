//! The embedded stack: its runtime, its services, its behaviour under kill -9.

mod crash;
mod dispatch;
mod harness;
mod pushing;
mod runtime;
mod scheduler;
mod tokens;
