mod building;
mod faults;
mod logins;
mod sources;
mod stack;
mod support;
