//! The user's own git, in one place: with their credentials, proxies and host keys, and without what their or a
//! repository's configuration would make it run or do otherwise.

mod answer;
mod command;
mod work_tree;

pub use answer::{GitError, answer, ask, text};
pub use command::{command, looking_at};
pub use work_tree::WorkTree;
