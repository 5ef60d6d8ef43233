//! `csw cluster …`

mod info;

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
enum ClusterCommand {
    Info(info::InfoArgs),
}

pub(super) fn run(context: &Context, args: ClusterArgs) -> anyhow::Result<Exit> {
    match args.command {
        ClusterCommand::Info(args) => info::run(context, args),
    }
}
