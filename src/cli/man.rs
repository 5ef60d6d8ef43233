use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, Command, CommandFactory as _};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

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
    let mut csw = Cli::command().version(env!("CARGO_PKG_VERSION"));
    csw.build();
    write(&csw, &folder).with_context(|| format!("cannot write to {}", folder.display()))?;
    context.printer().note(format!("Wrote the manual pages to {}", folder.display()));
    Ok(Exit::Ok)
}

/// The page of a command, and those of all below it.
fn write(command: &Command, folder: &Path) -> io::Result<()> {
    command.get_subcommands().try_for_each(|below| write(below, folder))?;
    let page = Man::new(command.clone());
    let mut text = Vec::new();
    page.render_title(&mut text)?;
    page.render_name_section(&mut text)?;
    page.render_synopsis_section(&mut text)?;
    page.render_description_section(&mut text)?;
    page.render_options_section(&mut text)?;
    subcommands(command, &mut text)?;
    after(command, &mut text)?;
    if command.get_version().is_some() {
        page.render_version_section(&mut text)?;
    }
    std::fs::write(folder.join(page.get_filename()), text)
}

/// The commands below, those that csw itself starts in a section of their own.
fn subcommands(command: &Command, text: &mut Vec<u8>) -> io::Result<()> {
    let only = |hidden: bool, heading: &'static str| {
        let without = |below: Command| {
            let hide = below.is_hide_set() != hidden;
            below.hide(hide)
        };
        command.clone().mut_subcommands(without).subcommand_help_heading(heading)
    };
    for (hidden, heading) in [(false, "COMMANDS"), (true, "STARTED BY CSW ITSELF")] {
        if command.get_subcommands().any(|below| below.is_hide_set() == hidden) {
            Man::new(only(hidden, heading)).render_subcommands_section(text)?;
        }
    }
    Ok(())
}

/// What help tells after the options: each part that begins with a heading is a section, its lines as they are.
fn after(command: &Command, text: &mut Vec<u8>) -> io::Result<()> {
    let Some(told) = command.get_after_long_help().or_else(|| command.get_after_help()) else {
        return Ok(());
    };
    let mut roff = Roff::new();
    let mut in_notes = false;
    for part in told.to_string().split("\n\n") {
        match part.split_once('\n') {
            Some((heading, lines)) if heading.ends_with(':') => {
                roff.control("SH", [heading.trim_end_matches(':').to_uppercase().as_str()]);
                roff.control("nf", []);
                for line in lines.lines() {
                    roff.text([roman(line.strip_prefix("  ").unwrap_or(line))]);
                }
                roff.control("fi", []);
                in_notes = false;
            }
            _ => {
                if in_notes {
                    roff.control("PP", []);
                } else {
                    roff.control("SH", ["NOTES"]);
                }
                part.lines().for_each(|line| {
                    roff.text([roman(line)]);
                });
                in_notes = true;
            }
        }
    }
    roff.to_writer(text)
}
