//! `csw isolate`

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context as _;
use clap::Args;

use super::Context;
use super::job::cancelled_by_sigterm;
use crate::error::{Exit, Failure};
use crate::image::Isolated;
use crate::isolation::{self, Grants, HANDED_ON, LauncherError};

/// Run a program that can reach nothing but what is named
///
/// What csw starts models through: it gives up every right that it has, but for what --read and --write open and what
/// every program of the system needs, and becomes the program. Or it runs the program in a container that has no more.
#[derive(Debug, Args)]
#[command(
    hide = true,
    after_help = "Examples:\n  csw isolate --read my-model --write own -- sh my-model/model.sh"
)]
pub(super) struct IsolateArgs {
    /// What may be read and run
    #[arg(long, value_name = "PATH")]
    read: Vec<PathBuf>,

    /// What may be written
    #[arg(long, value_name = "PATH")]
    write: Vec<PathBuf>,

    /// What stays closed in them
    #[arg(long, value_name = "PATH")]
    hide: Vec<PathBuf>,

    /// In a container of the Docker engine
    #[arg(long, requires = "scratch")]
    container: bool,

    /// The folder that is the program's own
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,

    /// Bytes of memory that the container has
    #[arg(long, value_name = "BYTES", default_value_t = u64::MAX)]
    memory: u64,

    /// Thousandths of a processor that it has
    #[arg(long, value_name = "N", default_value_t = 1000)]
    cpu_millis: u64,

    /// With a network
    #[arg(long)]
    internet: bool,

    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "PROGRAM")]
    program: Vec<OsString>,
}

pub(super) fn run(context: &Context, args: IsolateArgs) -> anyhow::Result<Exit> {
    let IsolateArgs { read, write, hide, container, scratch, memory, cpu_millis, internet, program } = args;
    let grants = Grants { reads: read, writes: write, hidden: hide };
    if let (true, Some(scratch)) = (container, scratch) {
        isolation::keep_to_itself();
        let argv: Option<Vec<String>> = program.into_iter().map(|word| word.into_string().ok()).collect();
        let isolated = Isolated {
            argv: argv.ok_or_else(|| Failure::usage("the program's arguments are not valid UTF-8"))?,
            workdir: std::env::current_dir().context("cannot tell the working folder")?,
            env: variables(),
            mounts: grants.mounts(),
            memory,
            cpu_millis,
            internet,
            scratch,
        };
        return context.block_on(async {
            let code = isolated.run(&cancelled_by_sigterm()?).await?;
            // Codes of csw's own mean something else.
            Err(become_program(Command::new("/bin/sh").args(["-c", "exit $0", &code.to_string()])).into())
        });
    }
    let Some((program, arguments)) = program.split_first() else {
        return Err(Failure::usage("no program to run").into());
    };
    isolation::enter(&grants)?;
    Err(become_program(Command::new(program).args(arguments)).into())
}

/// Returns only if it can't.
fn become_program(command: &mut Command) -> LauncherError {
    let source = command.exec();
    LauncherError::Start { program: command.get_program().into(), source }
}

/// The program's variables, which came with something before their names.
fn variables() -> Vec<String> {
    let handed_on = |(name, value): (OsString, OsString)| {
        Some(format!("{}={}", name.to_str()?.strip_prefix(HANDED_ON)?, value.to_str()?))
    };
    std::env::vars_os().filter_map(handed_on).collect()
}
