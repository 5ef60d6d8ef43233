//! `csw svc secrets …`: the same as `csw secrets`, and what only the services have.

mod rotate;

use clap::{Args, Subcommand};

use crate::cli::Context;
use crate::cli::secrets::{self, SecretsCommand};
use crate::error::Exit;
use crate::secret::Scope;

#[derive(Debug, Args)]
#[command(after_help = secrets::AFTER_HELP)]
pub(super) struct SvcSecretsArgs {
    #[command(subcommand)]
    command: SvcSecretsCommand,
}

#[derive(Debug, Subcommand)]
enum SvcSecretsCommand {
    #[command(flatten)]
    Any(SecretsCommand),
    Rotate(rotate::RotateArgs),
}

pub(super) fn run(context: &Context, args: SvcSecretsArgs) -> anyhow::Result<Exit> {
    match args.command {
        SvcSecretsCommand::Any(command) => secrets::run_command(context, &[Scope::Cluster], command),
        SvcSecretsCommand::Rotate(args) => rotate::run(context, args),
    }
}
