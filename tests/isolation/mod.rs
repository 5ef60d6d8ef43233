//! What a model can reach, and what csw's processes show: real models that try it.

mod builds;
mod levels;
mod privacy;
pub mod table;
