//! Desired objects and live objects in, a change set out. Pure: who asks the cluster is [`crate::sink`].
//!
//! Whether an object is as we left it is told without asking the server again, by [`record`]: two digests that the
//! object carries in an annotation.

pub mod applyset;
mod change;
mod conflict;
mod diff;
mod digest;
mod error;
mod manifest;
mod prune;
pub mod record;
mod stream;
mod text_diff;

pub use change::{Action, Change, ChangeSet, Conflict, FieldChange, Summary};
pub use conflict::changes_nothing;
pub use diff::{fields, subset};
pub use error::PlanError;
pub use manifest::Manifest;
pub use prune::{Fate, Scope, fate, is_kept};
pub use stream::parse_stream;
