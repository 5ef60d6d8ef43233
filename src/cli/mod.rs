//! The command line: one thin handler a verb, `cli/<noun>/<verb>.rs`.

mod args;
mod cluster;
mod context;
mod job;
mod jobs;
mod models;
mod secrets;
mod svc;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use args::GlobalArgs;
pub use context::Context;

use crate::error::Exit;
use crate::secret::Scope;
use crate::ui;

/// Publish simulation models and run them as jobs
#[derive(Debug, Parser)]
#[command(name = "csw", version = env!("CSW_VERSION"), arg_required_else_help = true, disable_help_subcommand = true)]
pub struct Cli {
    #[command(flatten)]
    global: GlobalArgs,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Models(models::ModelsArgs),
    Jobs(jobs::JobsArgs),
    Job(job::JobArgs),
    #[command(visible_alias = "services")]
    Svc(svc::SvcArgs),
    Secrets(secrets::SecretsArgs),
    Cluster(cluster::ClusterArgs),
}

/// Parses the command line, runs what it asks for, and says how the program ends.
pub fn main() -> ExitCode {
    run(std::env::args_os()).into()
}

fn run(args: impl IntoIterator<Item = OsString>) -> Exit {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(e) => {
            // Help and version go to stdout and are no error; a reader that went away is none either.
            drop(e.print());
            return if e.use_stderr() { Exit::Usage } else { Exit::Ok };
        }
    };
    let context = Context::new(cli.global);
    let printer = context.printer();
    dispatch(&context, cli.command).unwrap_or_else(|e| ui::report(printer, &e))
}

fn dispatch(context: &Context, command: Command) -> anyhow::Result<Exit> {
    match command {
        Command::Models(args) => models::run(context, args),
        Command::Jobs(args) => jobs::run(context, args),
        Command::Job(args) => job::run(context, args),
        Command::Svc(args) => svc::run(context, args),
        Command::Secrets(args) => secrets::run(context, &[Scope::Cluster], args),
        Command::Cluster(args) => cluster::run(context, args),
    }
}
