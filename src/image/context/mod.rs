//! What the builder gets to see: a tree of files and csw's own beside it, as a tar stream.

mod ignore;
mod pattern;
mod stream;
mod tree;

pub use ignore::{Ignore, IgnoreError};
pub use stream::{Context, OwnContent, OwnFile, Sent};
pub use tree::{Entry, Kind, Tree};
