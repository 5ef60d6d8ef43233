mod e2e;
mod faults;
mod harness;
mod quick;
mod readme;
mod rotation;
mod sleeping;
