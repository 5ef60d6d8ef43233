//! `csw job`: real interpreters, real processes, whatever a model may do.

mod attempt;
mod command_models;
mod container;
mod delivery;
mod endings;
mod environments;
mod pool;
mod references;
mod repositories;
mod results;
mod stand_in;

pub use attempt::Attempt;
