//! `csw models …`

mod secrets;

use clap::{Args, Subcommand};

use super::Context;
use crate::error::Exit;
use crate::model::ModelName;

/// Work on models: list, check, prepare
#[derive(Debug, Args)]
pub(super) struct ModelsArgs {
    /// Models to work on, separated by commas
    #[arg(short, long, global = true, value_name = "OWNER/TITLE", value_delimiter = ',')]
    names: Vec<ModelName>,

    #[command(subcommand)]
    command: ModelsCommand,
}

#[derive(Debug, Subcommand)]
enum ModelsCommand {
    Secrets(secrets::ModelSecretsArgs),
}

pub(super) fn run(context: &Context, args: ModelsArgs) -> anyhow::Result<Exit> {
    let ModelsArgs { names, command } = args;
    match command {
        ModelsCommand::Secrets(args) => secrets::run(context, names, args),
    }
}
