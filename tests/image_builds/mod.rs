mod building;
mod faults;
mod sources;
mod stack;
mod support;
