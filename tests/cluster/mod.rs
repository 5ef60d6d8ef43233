//! `csw cluster …`, on a real cluster where the real thing matters, and on a fake one for answers that a real one
//! doesn't give on demand.

mod access;
mod accounts;
mod configuration;
mod conflicts;
mod early_failure;
mod election;
mod fake;
mod faults;
mod killed;
mod lifecycle;
mod port_forward;
mod reach;
mod refused;
mod repairs;
mod replace;
mod restart;
pub mod space;
mod viewer;
