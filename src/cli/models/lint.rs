use std::collections::HashSet;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;

use crate::cli::Context;
use crate::config::{self, ConfigError, Diagnostics, Sources};
use crate::error::{Exit, Failure};
use crate::model::ModelName;
use crate::ui::{Format, Table};

/// Check configuration files, and report every mistake in all of them with its place
///
/// Without PATH everything in the configuration's folder is checked. Ends with 0 if there is nothing to say, else
/// with 1, also if there are only warnings.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  csw models lint
  csw models lint config/PSLmodels/Tax-Cruncher.yaml
  csw models lint models.yaml        # a file with a list of models
  csw models lint -o json")]
pub(super) struct LintArgs {
    /// Files, or folders with files, instead of the configuration's folder
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// How to report: text with the lines in question on stderr, or data on stdout; `name` is the files' names
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,
}

pub(super) fn run(context: &Context, names: &[ModelName], args: LintArgs) -> anyhow::Result<Exit> {
    let LintArgs { paths, output } = args;
    let settings = context.settings(|_| {})?;
    let (found, checked) = lint(&settings.config_dir.value, names, &paths)?;
    let printer = context.printer();
    if output == Format::Table {
        if found.is_empty() {
            printer.note(format!("No problems in {checked}"));
        } else {
            printer.warn(found.render(printer.report_style()));
        }
    } else {
        printer.view(
            output,
            &found.views(),
            |_| Table::new(&[], ""),
            |views| {
                let mut files: Vec<String> = views.iter().map(|v| v.file.clone()).collect();
                files.dedup();
                files
            },
        )?;
    }
    Ok(if found.is_empty() { Exit::Ok } else { Exit::Config })
}

/// What is wrong, and what was looked at.
fn lint(config_dir: &Path, names: &[ModelName], paths: &[PathBuf]) -> anyhow::Result<(Diagnostics, String)> {
    if !names.is_empty() && !paths.is_empty() {
        return Err(Failure::usage("name models with -n, or files, not both").into());
    }
    let here = std::env::current_dir().context("cannot tell the working folder")?;
    let whole: Vec<PathBuf> = paths.iter().map(|p| here.join(p).components().collect()).collect();
    // What lies in the configuration's folder is checked as a part of it, for its path and against its neighbours.
    let mut sources = if paths.is_empty() || whole.iter().any(|p| p.starts_with(config_dir)) {
        Sources::files(config_dir)
    } else {
        Sources::none()
    };
    for path in &whole {
        if !path.starts_with(config_dir) {
            sources = sources.with_path(path);
        } else if let Err(source) = std::fs::metadata(path) {
            return Err(ConfigError::Io { path: path.clone(), source }.into());
        }
    }
    let catalog = config::load_valid(&sources)?;
    let all = catalog.diagnostics();
    if !names.is_empty() {
        return Ok(match catalog.select(names) {
            Ok(chosen) => {
                let names: Vec<&str> = chosen.iter().map(|l| l.source.shown.as_str()).collect();
                let files: HashSet<&str> = names.iter().copied().collect();
                (all.filter(|d| files.contains(d.source().name())), names.join(", "))
            }
            Err(ConfigError::Invalid(found)) => (found, String::new()),
            Err(other) => return Err(other.into()),
        });
    }
    let given = |name: &str| whole.is_empty() || whole.iter().any(|p| here.join(name).starts_with(p));
    let checked = match catalog.listed().iter().filter(|l| given(&l.source.shown)).count() {
        1 => "1 model".to_owned(),
        n => format!("{n} models"),
    };
    Ok((all.filter(|d| given(d.source().name())), checked))
}
