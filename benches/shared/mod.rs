//! What several benches measure with.

#![allow(dead_code, unused_imports, unreachable_pub, clippy::indexing_slicing)]

mod stubs;
mod submitting;

pub use stubs::{Instantly, Ready};
pub use submitting::{kwargs, median, memory, model, post_simulations};
