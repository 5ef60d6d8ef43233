//! The embedded stack: its runtime, its services, its behaviour under kill -9.

mod runtime;
