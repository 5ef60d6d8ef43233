//! Keeps what runs a model, and what a model needs, apart from everything else: programs get no more of the
//! environment than they need, csw's own processes show nothing of theirs, and a model reaches what is its own.

mod confinement;
mod grants;
mod launcher;
mod mounts;
mod privacy;
mod scratch;
mod secret_file;
mod system;
mod variables;

pub(crate) use confinement::HANDED_ON;
pub use confinement::{Confinement, ContainerLimits};
pub use grants::Grants;
pub use launcher::{LauncherError, enter, not_enforced};
pub use mounts::Mounted;
pub use privacy::keep_to_itself;
pub use scratch::Scratch;
pub use secret_file::close_to_others;
pub use system::credentials;
pub use variables::{for_git, for_tools};
