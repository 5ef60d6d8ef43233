//! The example models: they run anywhere, and their numbers are right.

mod epidemic;
mod solow;
