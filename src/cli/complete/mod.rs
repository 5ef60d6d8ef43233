//! What shells offer at TAB beyond commands and flags. Nothing here fails: without an answer nothing is offered.

mod models;

pub(super) use models::model_names;
