//! `csw jobs …`

mod cancel;
mod choice;
mod cleanup;
mod connect;
mod finished;
mod forward;
mod inputs;
mod lines;
mod list;
mod logs;
mod results;
mod run;
mod source;
mod status;
mod submit;
mod token;
mod undelivered;
mod view;
mod wait;
mod watch;

use clap::{Args, Subcommand};

pub(super) use source::{JobFinder, JobSource};

use super::Context;
use crate::error::Exit;

#[derive(Debug, Args)]
pub(super) struct JobsArgs {
    #[command(subcommand)]
    command: JobsCommand,
}

#[derive(Debug, Subcommand)]
enum JobsCommand {
    Run(run::RunArgs),
    Submit(submit::SubmitArgs),
    #[command(visible_alias = "ls")]
    List(list::ListArgs),
    Status(status::StatusArgs),
    Wait(wait::WaitArgs),
    Logs(logs::LogsArgs),
    Results(results::ResultsArgs),
    Cancel(cancel::CancelArgs),
    Cleanup(cleanup::CleanupArgs),
}

pub(super) fn run(context: &Context, args: JobsArgs) -> anyhow::Result<Exit> {
    match args.command {
        JobsCommand::Run(args) => run::run(context, args),
        JobsCommand::Submit(args) => submit::run(context, args),
        JobsCommand::List(args) => list::run(context, args),
        JobsCommand::Status(args) => status::run(context, args),
        JobsCommand::Wait(args) => wait::run(context, args),
        JobsCommand::Logs(args) => logs::run(context, args),
        JobsCommand::Results(args) => results::run(context, args),
        JobsCommand::Cancel(args) => cancel::run(context, args),
        JobsCommand::Cleanup(args) => cleanup::run(context, args),
    }
}
