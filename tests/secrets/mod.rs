//! `csw secrets`, `csw svc secrets` and `csw models secrets`.

mod canary;
mod commands;
mod durability;
mod identity;
mod input;
mod rotate;
