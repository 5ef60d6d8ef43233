//! What `svc push` and `models push` share.

mod args;
mod progress;
mod records;
mod run;
mod view;

pub(super) use args::{PushArgs, jobs, tag};
pub(super) use run::{may_push, run};
