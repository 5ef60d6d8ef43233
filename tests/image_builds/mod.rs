mod building;
mod endings;
mod faults;
mod logins;
mod pushing;
mod sources;
mod stack;
mod support;
