//! What shells offer at TAB beyond commands and flags. Nothing here fails: without an answer nothing is offered.

mod jobs;
mod models;

pub(super) use jobs::job_ids;
pub(super) use models::model_names;
