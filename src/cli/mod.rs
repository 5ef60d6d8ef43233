//! The command line: one thin handler a verb, `cli/<noun>/<verb>.rs`.

mod api_task;
mod args;
mod build;
mod cluster;
mod command;
mod complete;
mod completions;
mod configuration;
mod confirm;
mod context;
mod deploy;
mod help;
mod image_targets;
mod images;
mod isolate;
mod job;
mod jobs;
mod man;
mod models;
mod outputs_processor;
mod parse;
mod push;
mod rendering;
mod scheduler;
mod secrets;
mod stack_config;
mod svc;
mod up;
mod version;

use std::ffi::OsString;
use std::process::ExitCode;

pub use args::GlobalArgs;
pub use command::Cli;
pub use completions::{Shell, script as completion_script};
pub use context::Context;

use crate::error::Exit;
use crate::isolation;
use crate::ui;

/// Parses the command line, runs what it asks for, and says how the program ends.
pub fn main() -> ExitCode {
    run(std::env::args_os().collect()).into()
}

/// The whole command line as clap knows it, for what is generated from it.
pub fn command() -> clap::Command {
    <Cli as clap::CommandFactory>::command()
}

fn run(args: Vec<OsString>) -> Exit {
    // What becomes a model's process gives up what it has by itself.
    if args.get(1).is_none_or(|command| command != "isolate") {
        isolation::keep_to_itself();
    }
    let parsed = completions::answer(&args).and_then(|answered| match answered {
        true => Ok(None),
        false => parse::parse(&args).map(Some),
    });
    let cli = match parsed {
        Ok(Some(cli)) => cli,
        Ok(None) => return Exit::Ok,
        Err(e) => {
            // Help and version go to stdout and are no error; a reader that went away is none either.
            drop(e.print());
            return if e.use_stderr() { Exit::Usage } else { Exit::Ok };
        }
    };
    let context = Context::new(cli.global);
    let printer = context.printer();
    command::dispatch(&context, cli.command).unwrap_or_else(|e| ui::report(printer, &e))
}
