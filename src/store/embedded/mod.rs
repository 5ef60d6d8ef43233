//! The embedded store: one crash-safe file.
//!
//! It is a [redb](https://docs.rs/redb) database. What was weighed:
//!
//! - *Durability*: a commit is one copy-on-write B-tree switch with checksums and one `fsync`; after `kill -9` or
//!   power loss the file opens at the last commit. SQLite gives the same with a journal, at 150 s of compiling C in
//!   a release build; redb is pure Rust and compiles in seconds. fjall (an LSM tree) is faster at bulk loads, but
//!   compacts in the background, in threads and memory that an idle laptop stack should not hold.
//! - *Group commit*: redb has one writer at a time. Here one thread owns it, takes everything that waits, applies it
//!   in one transaction and answers all of them after that one `fsync` ([`writer`]). Sixty-four clients that submit
//!   at once pay about one `fsync` together.
//! - *Readers* see the last commit and never wait for the writer.

mod batch;
mod codec;
mod file;
mod ledger;
mod open;
mod read;
mod signing;
mod store;
mod tables;
mod writer;

pub use store::EmbeddedStore;
