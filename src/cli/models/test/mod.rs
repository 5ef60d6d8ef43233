//! `csw models test`

mod bench;
mod run;
mod view;

pub(super) use run::{TestArgs, run};
