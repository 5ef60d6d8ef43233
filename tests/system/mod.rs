mod faults;
mod harness;
mod readme;
mod whole;
