//! `csw job`: real interpreters, real processes, whatever a model may do.

mod attempt;
mod command_models;
mod delivery;
mod endings;
mod environments;
mod pool;
mod results;

pub use attempt::Attempt;
