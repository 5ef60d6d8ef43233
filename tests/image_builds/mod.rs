mod building;
mod endings;
mod faults;
mod full_disk;
mod installs;
mod logins;
mod pushing;
mod sources;
mod stack;
mod support;

pub use support::busybox;
