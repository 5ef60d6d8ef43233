//! `csw jobs …`

use clap::{Args, Subcommand};

use super::Context;
use crate::error::Exit;

/// Run simulations and follow them
#[derive(Debug, Args)]
pub(super) struct JobsArgs {
    #[command(subcommand)]
    command: JobsCommand,
}

#[derive(Debug, Subcommand)]
enum JobsCommand {}

pub(super) fn run(_context: &Context, args: JobsArgs) -> anyhow::Result<Exit> {
    match args.command {}
}
