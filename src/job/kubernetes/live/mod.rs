//! What the cluster tells of all Jobs of a namespace, by three connections for however many there are.

mod ending;
mod entry;
mod feed;
mod index;
mod seen;

pub(super) use feed::Live;
pub(super) use index::Standing;
