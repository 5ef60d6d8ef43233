//! `csw secrets …`

use clap::{Args, Subcommand};

use super::Context;
use crate::error::Exit;

/// Keep secrets in an encrypted file
#[derive(Debug, Args)]
pub(super) struct SecretsArgs {
    #[command(subcommand)]
    command: SecretsCommand,
}

#[derive(Debug, Subcommand)]
enum SecretsCommand {}

pub(super) fn run(_context: &Context, args: SecretsArgs) -> anyhow::Result<Exit> {
    match args.command {}
}
