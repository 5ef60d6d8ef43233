//! `csw svc templates …`

mod export;

use clap::{Args, Subcommand};

use crate::cli::Context;
use crate::error::Exit;

/// Work on the templates that objects are rendered from
#[derive(Debug, Args)]
pub(super) struct TemplatesArgs {
    #[command(subcommand)]
    command: TemplatesCommand,
}

#[derive(Debug, Subcommand)]
enum TemplatesCommand {
    Export(export::ExportArgs),
}

pub(super) fn run(context: &Context, args: TemplatesArgs) -> anyhow::Result<Exit> {
    match args.command {
        TemplatesCommand::Export(args) => export::run(context, args),
    }
}
