//! What `csw svc build` and `csw models build` share: several images at once, told as the place asks for it.

mod args;
mod outcome;
mod prepare;
mod progress;
mod run;
mod test_log;
mod view;

pub(super) use args::BuildArgs;
pub(super) use prepare::{image_templates, workshop};
pub(super) use run::{Job, What, run};
pub(super) use test_log::TestLog;
