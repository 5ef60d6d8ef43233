//! `csw models …`

mod apply;
mod build;
mod config;
mod lint;
mod list;
mod new;
mod prepare;
mod push;
mod secrets;
mod selection;
mod show;
mod source;
mod test;
mod view;

use clap::{Args, Subcommand};
use selection::Wanted;

use super::Context;
use super::complete::model_names;
use crate::error::{Exit, Failure};
use crate::model::{ModelError, ModelName};

pub(super) use selection::{Selection, broken};

#[derive(Debug, Args)]
pub(super) struct ModelsArgs {
    /// Models to work on, separated by commas; letter case doesn't matter
    #[arg(short, long, global = true, value_name = "OWNER/TITLE", value_delimiter = ',', value_parser = name, add = model_names())]
    names: Vec<ModelName>,

    /// Where -n names none: what to compare the models' files with; those that differ are worked on
    #[arg(long, global = true, value_name = "BRANCH")]
    base_branch: Option<String>,

    /// Go on with the others when a model fails: `build`, `test` and `push` list those at the end
    #[arg(long)]
    ignore_ci_errors: bool,

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
    Build(build::ModelsBuildArgs),
    Test(test::TestArgs),
    Config(config::ConfigArgs),
    Apply(apply::ModelsApplyArgs),
    Push(push::ModelsPushArgs),
    Secrets(secrets::ModelSecretsArgs),
}

pub(super) fn run(context: &Context, args: ModelsArgs) -> anyhow::Result<Exit> {
    let ModelsArgs { names, base_branch, ignore_ci_errors, command } = args;
    let wanted = Wanted { names: &names, base_branch: base_branch.as_deref() };
    match command {
        ModelsCommand::Test(args) => test::run(context, wanted, args),
        ModelsCommand::Build(args) => build::run(context, wanted, ignore_ci_errors, args),
        ModelsCommand::Config(args) => config::run(context, wanted, args),
        ModelsCommand::Apply(args) => apply::run(context, wanted, args),
        ModelsCommand::Push(args) => push::run(context, wanted, args),
        _ if wanted.base_branch.is_some() => {
            let only = "--base-branch chooses models for `build`, `test`, `config`, `apply` and `push` only";
            Err(Failure::usage(only).into())
        }
        ModelsCommand::List(args) => list::run(context, &names, args),
        ModelsCommand::Show(args) => show::run(context, &names, args),
        ModelsCommand::Lint(args) => lint::run(context, &names, args),
        ModelsCommand::New(args) => new::run(context, &names, args),
        ModelsCommand::Prepare(args) => prepare::run(context, &names, args),
        ModelsCommand::Secrets(args) => secrets::run(context, names, args),
    }
}

/// `-n "A/B, C/D"` is what people type.
pub(super) fn name(text: &str) -> Result<ModelName, ModelError> {
    text.trim().parse()
}
