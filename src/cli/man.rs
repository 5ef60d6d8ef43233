use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, CommandFactory as _};

use super::{Cli, Context};
use crate::error::Exit;

/// Write the manual pages, one a command
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  csw man ~/.local/share/man/man1 && man csw-secrets-set")]
pub(super) struct ManArgs {
    /// Folder to write them to; made if it is not there
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

pub(super) fn run(context: &Context, args: ManArgs) -> anyhow::Result<Exit> {
    let ManArgs { folder } = args;
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let command = Cli::command().version(env!("CARGO_PKG_VERSION"));
    clap_mangen::generate_to(command, &folder)
        .with_context(|| format!("cannot write to {}", folder.display()))?;
    context.printer().note(format!("Wrote the manual pages to {}", folder.display()));
    Ok(Exit::Ok)
}
