//! `csw svc …`

use clap::{Args, Subcommand};

use super::Context;
use crate::error::Exit;

/// Work on the services that serve models
#[derive(Debug, Args)]
pub(super) struct SvcArgs {
    #[command(subcommand)]
    command: SvcCommand,
}

#[derive(Debug, Subcommand)]
enum SvcCommand {}

pub(super) fn run(_context: &Context, args: SvcArgs) -> anyhow::Result<Exit> {
    match args.command {}
}
