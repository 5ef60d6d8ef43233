//! `csw svc …`

mod apply;
mod build;
mod config;
mod lock;
mod push;
mod secrets;
mod serve;
mod templates;

use clap::{Args, Subcommand};

use super::Context;
use crate::error::Exit;

#[derive(Debug, Args)]
pub(super) struct SvcArgs {
    #[command(subcommand)]
    command: SvcCommand,
}

#[derive(Debug, Subcommand)]
enum SvcCommand {
    Build(build::SvcBuildArgs),
    Lock(lock::LockArgs),
    Config(config::ConfigArgs),
    Apply(apply::SvcApplyArgs),
    Push(push::SvcPushArgs),
    Serve(serve::ServeArgs),
    Templates(templates::TemplatesArgs),
    /// Keep secrets in an encrypted file
    Secrets(secrets::SvcSecretsArgs),
}

pub(super) fn run(context: &Context, args: SvcArgs) -> anyhow::Result<Exit> {
    match args.command {
        SvcCommand::Build(args) => build::run(context, args),
        SvcCommand::Lock(args) => lock::run(context, args),
        SvcCommand::Config(args) => config::run(context, args),
        SvcCommand::Apply(args) => apply::run(context, args),
        SvcCommand::Push(args) => push::run(context, args),
        SvcCommand::Serve(args) => serve::run(context, args),
        SvcCommand::Templates(args) => templates::run(context, args),
        SvcCommand::Secrets(args) => secrets::run(context, args),
    }
}
