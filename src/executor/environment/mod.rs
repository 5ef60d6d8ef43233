//! Makes a model ready to run on this machine: its repository at one commit, and the environment that it needs.
//!
//! Everything is below one cache folder, safe to delete at any time:
//!
//! | folder | holds |
//! |---|---|
//! | `repos/` | a bare mirror of each git repository, fetched incrementally |
//! | `checkouts/<owner>-<title>/<commit>/` | a repository at a commit |
//! | `envs/<key>/` | a Python environment; the key says what it was made of |
//! | `logs/` | what the tools that make them printed |
//!
//! A folder on this machine is used in place, so that its author's edits count at once; with a `repo_tag` it is
//! treated as the git repository it must be then.

mod conda;
mod conda_names;
mod environments;
mod fingerprint;
mod folders;
mod git;
mod included;
mod inside;
mod interpreter;
mod lines;
mod lock;
mod needs;
mod pip_settings;
mod progress;
mod repository;
mod requirement;
mod shell_lines;
mod source;
mod tool;
mod uv;
mod venv;

pub use environments::{Environments, Prepared};
pub(crate) use fingerprint::is_by_product;
pub use progress::{PrepareProgress, Silent};
pub use repository::{Installation, Repository, Script, fetch};
