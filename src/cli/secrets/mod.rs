//! `csw secrets …`, also as `csw svc secrets …` and `csw models -n O/T secrets …`.

mod assignment;
mod delete;
mod dotenv;
mod export;
mod get;
mod import;
mod list;
mod rotate_key;
mod set;

use clap::{Args, Subcommand};

use super::Context;
use crate::error::Exit;
use crate::secret::Scope;

/// Examples, and where the secrets are.
pub(super) const AFTER_HELP: &str = "Examples:
  csw secrets set CS_API_TOKEN                        # asks, unseen
  pass show db | csw secrets set DB_PASSWORD          # from another program
  csw models -n PSLmodels/Tax-Cruncher secrets list   # a model's own
  csw secrets get DB_PASSWORD

The secrets are in one age-encrypted file that the age program can read too. The first `set` makes the identity
that decrypts it; keep a copy. To let others decrypt it, put their public keys into recipients.txt beside the file,
one a line, and run `csw secrets rotate-key`. `csw cluster info` tells where the files are.";

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct SecretsArgs {
    #[command(subcommand)]
    command: SecretsCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum SecretsCommand {
    Set(set::SetArgs),
    Get(get::GetArgs),
    List(list::ListArgs),
    Delete(delete::DeleteArgs),
    Import(import::ImportArgs),
    Export(export::ExportArgs),
    RotateKey(rotate_key::RotateKeyArgs),
}

/// Works on the secrets of these scopes; of several, all or none are changed.
pub(super) fn run(context: &Context, scopes: &[Scope], args: SecretsArgs) -> anyhow::Result<Exit> {
    run_command(context, scopes, args.command)
}

/// The same, for commands that have more verbs than these.
pub(super) fn run_command(
    context: &Context,
    scopes: &[Scope],
    command: SecretsCommand,
) -> anyhow::Result<Exit> {
    match command {
        SecretsCommand::Set(args) => set::run(context, scopes, args),
        SecretsCommand::Get(args) => get::run(context, scopes, args),
        SecretsCommand::List(args) => list::run(context, scopes, args),
        SecretsCommand::Delete(args) => delete::run(context, scopes, args),
        SecretsCommand::Import(args) => import::run(context, scopes, args),
        SecretsCommand::Export(args) => export::run(context, scopes, args),
        SecretsCommand::RotateKey(args) => rotate_key::run(context, args),
    }
}
