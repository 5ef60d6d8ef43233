mod faults;
mod harness;
mod readme;
mod sleeping;
mod whole;
