//! `csw secrets`, `csw svc secrets` and `csw models secrets`.

mod commands;
mod durability;
mod identity;
mod input;
mod rotate;
