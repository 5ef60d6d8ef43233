//! `csw images …`

mod in_use;
mod list;
mod promote;
mod prune;
mod stored;

use clap::{Args, Subcommand};

use super::Context;
use crate::error::Exit;

#[derive(Debug, Args)]
pub(super) struct ImagesArgs {
    #[command(subcommand)]
    command: ImagesCommand,
}

#[derive(Debug, Subcommand)]
enum ImagesCommand {
    #[command(visible_alias = "ls")]
    List(list::ListArgs),
    Prune(prune::PruneArgs),
    Promote(promote::PromoteArgs),
}

pub(super) fn run(context: &Context, args: ImagesArgs) -> anyhow::Result<Exit> {
    match args.command {
        ImagesCommand::List(args) => list::run(context, args),
        ImagesCommand::Prune(args) => prune::run(context, args),
        ImagesCommand::Promote(args) => promote::run(context, args),
    }
}
