//! Groups of flags that several commands share.

mod global;

pub use global::GlobalArgs;
