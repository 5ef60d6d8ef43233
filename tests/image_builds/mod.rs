mod building;
mod faults;
mod sources;
mod support;
