use clap::Args;
use serde::Serialize;

use super::Context;
use crate::error::Exit;
use crate::ui::Format;

/// Show the version of csw
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  csw version
  csw version -o json | jq -r .commit")]
pub(super) struct VersionArgs {
    /// How to write it
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,
}

#[derive(Debug, Serialize)]
struct View {
    version: &'static str,
    /// Missing where it was built outside of a repository.
    commit: Option<&'static str>,
    os: &'static str,
    arch: &'static str,
}

pub(super) fn run(context: &Context, args: VersionArgs) -> anyhow::Result<Exit> {
    let VersionArgs { output } = args;
    let printer = context.printer();
    let (version, commit) = match env!("CSW_VERSION").split_once(' ') {
        Some((version, commit)) => (version, Some(commit.trim_matches(['(', ')']))),
        None => (env!("CSW_VERSION"), None),
    };
    let view = View { version, commit, os: std::env::consts::OS, arch: std::env::consts::ARCH };
    match output {
        // One line, as --version has it: there is nothing to tabulate.
        Format::Table => printer.data(concat!("csw ", env!("CSW_VERSION"), "\n"))?,
        Format::Name => printer.data(format!("{version}\n"))?,
        Format::Json => printer.data(serde_json::to_string_pretty(&view)? + "\n")?,
        Format::Yaml => printer.data(serde_saphyr::to_string(&view)?)?,
    }
    Ok(Exit::Ok)
}
