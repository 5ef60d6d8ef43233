//! What the commands that apply have in common: reading objects, showing the plan, asking, applying, waiting.

mod desired;
mod images;
mod interrupt;
mod progress;
mod read;
mod run;
mod view;
mod waiting;

pub(super) use desired::{Desired, everything, models, services};
pub(super) use images::missing as missing_images;
pub(super) use interrupt::until_interrupted;
pub(super) use progress::Progress;
pub(super) use read::{read, something};
pub(super) use run::{rendered, run};
pub(super) use view::show;
