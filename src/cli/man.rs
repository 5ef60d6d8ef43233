use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, Command, CommandFactory as _};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use super::{Cli, Context};
use crate::error::Exit;
use crate::folder;

/// Write the manual pages, one a command
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  csw man ~/.local/share/man/man1 && man csw-secrets-set")]
pub(super) struct ManArgs {
    /// Folder to write them to; made if it is not there
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    /// Write to a folder in which there are other files than manual pages
    #[arg(long)]
    force: bool,
}

pub(super) fn run(context: &Context, args: ManArgs) -> anyhow::Result<Exit> {
    let ManArgs { folder, force } = args;
    if !force {
        // Pages of other programs are where csw's belong.
        folder::check_entries(&folder, is_page)?;
    }
    write_all(&folder).with_context(|| format!("cannot write to {}", folder.display()))?;
    context.printer().note(format!("Wrote the manual pages to {}", folder.display()));
    Ok(Exit::Ok)
}

/// Pages of an earlier csw are replaced, each at once, when all are written.
fn write_all(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let new = tempfile::Builder::new().prefix(".csw-part-").tempdir_in(folder)?;
    let mut csw = Cli::command().version(env!("CARGO_PKG_VERSION"));
    csw.build();
    write(&csw, new.path())?;
    for page in fs::read_dir(new.path())? {
        let page = page?;
        fs::rename(page.path(), folder.join(page.file_name()))?;
    }
    Ok(())
}

/// `csw-jobs.1`, `printf.3p`, `ls.1.gz`
fn is_page(name: &str) -> bool {
    let name = name.strip_suffix(".gz").unwrap_or(name);
    name.rsplit_once('.').is_some_and(|(_, section)| section.starts_with(|c: char| c.is_ascii_digit()))
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
