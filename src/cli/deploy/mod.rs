//! What the commands that apply have in common: reading objects, showing the plan, asking, applying, waiting.

mod interrupt;
mod progress;
mod read;
mod run;
mod view;
mod waiting;

pub(super) use interrupt::until_interrupted;
pub(super) use progress::Progress;
pub(super) use read::read;
pub(super) use run::{Job, run};
pub(super) use view::show;
