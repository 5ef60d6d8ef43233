//! `csw models …`

use clap::{Args, Subcommand};

use super::Context;
use crate::error::Exit;

/// Work on models: list, check, prepare
#[derive(Debug, Args)]
pub(super) struct ModelsArgs {
    #[command(subcommand)]
    command: ModelsCommand,
}

#[derive(Debug, Subcommand)]
enum ModelsCommand {}

pub(super) fn run(_context: &Context, args: ModelsArgs) -> anyhow::Result<Exit> {
    match args.command {}
}
