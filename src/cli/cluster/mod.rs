//! `csw cluster …`

use clap::{Args, Subcommand};

use super::Context;
use crate::error::Exit;

/// See and manage where everything runs
#[derive(Debug, Args)]
pub(super) struct ClusterArgs {
    #[command(subcommand)]
    command: ClusterCommand,
}

#[derive(Debug, Subcommand)]
enum ClusterCommand {}

pub(super) fn run(_context: &Context, args: ClusterArgs) -> anyhow::Result<Exit> {
    match args.command {}
}
