//! `csw models …`

mod apply;
mod config;
mod lint;
mod list;
mod new;
mod prepare;
mod secrets;
mod show;
mod source;
mod view;

use clap::{Args, Subcommand};

use super::Context;
use super::complete::model_names;
use crate::error::Exit;
use crate::model::{ModelError, ModelName};

#[derive(Debug, Args)]
pub(super) struct ModelsArgs {
    /// Models to work on, separated by commas; letter case doesn't matter
    #[arg(short, long, global = true, value_name = "OWNER/TITLE", value_delimiter = ',', value_parser = name, add = model_names())]
    names: Vec<ModelName>,

    #[command(subcommand)]
    command: ModelsCommand,
}

#[derive(Debug, Subcommand)]
enum ModelsCommand {
    #[command(visible_alias = "ls")]
    List(list::ListArgs),
    Show(show::ShowArgs),
    Lint(lint::LintArgs),
    New(new::NewArgs),
    Prepare(prepare::PrepareArgs),
    Config(config::ConfigArgs),
    Apply(apply::ModelsApplyArgs),
    Secrets(secrets::ModelSecretsArgs),
}

pub(super) fn run(context: &Context, args: ModelsArgs) -> anyhow::Result<Exit> {
    let ModelsArgs { names, command } = args;
    match command {
        ModelsCommand::List(args) => list::run(context, &names, args),
        ModelsCommand::Show(args) => show::run(context, &names, args),
        ModelsCommand::Lint(args) => lint::run(context, &names, args),
        ModelsCommand::New(args) => new::run(context, &names, args),
        ModelsCommand::Prepare(args) => prepare::run(context, &names, args),
        ModelsCommand::Config(args) => config::run(context, &names, args),
        ModelsCommand::Apply(args) => apply::run(context, &names, args),
        ModelsCommand::Secrets(args) => secrets::run(context, names, args),
    }
}

/// `-n "A/B, C/D"` is what people type.
fn name(text: &str) -> Result<ModelName, ModelError> {
    text.trim().parse()
}
