use std::io::Read as _;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use zeroize::Zeroizing;

use super::dotenv;
use super::set::change;
use crate::cli::Context;
use crate::error::{Exit, Failure};
use crate::secret::{Change, Scope};

/// Set all secrets of a dotenv or JSON file, or none if one is wrong
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  csw secrets import .env
  csw secrets export -o json --yes | csw models -n PSLmodels/OG-USA secrets import -

The file holds NAME=VALUE lines, or a JSON object of texts. Secrets that it does not name are left alone.

A value stands bare, or all of it in quotes: 'as it is', \"with \\\" \\\\ \\$ and \\` for these four\", or $'with \\n and \\t'. Bare, \\
before a sign stands for it, and # behind a blank begins a comment. `export` and `declare -x` may stand before the name. What
a shell would put in ($NAME, ~, `…`) or other programs would read otherwise is refused, with its line and the reason.")]
pub(in crate::cli) struct ImportArgs {
    /// The file, or - for stdin
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

pub(super) fn run(context: &Context, scopes: &[Scope], args: ImportArgs) -> anyhow::Result<Exit> {
    let ImportArgs { file } = args;
    let mut text = Zeroizing::new(String::new());
    let origin = if file.as_os_str() == "-" { "stdin".to_owned() } else { file.display().to_string() };
    if file.as_os_str() == "-" {
        std::io::stdin().lock().read_to_string(&mut text).context("cannot read stdin")?;
    } else {
        std::fs::File::open(&file)
            .and_then(|mut f| f.read_to_string(&mut text))
            .with_context(|| format!("cannot read {origin}"))?;
    }
    let secrets = dotenv::parse(&origin, &text)
        .map_err(|problems| Failure::config(problems.join("\n")).hint("Nothing was changed"))?;
    if secrets.is_empty() {
        return Err(Failure::config(format!("{origin} holds no secret")).into());
    }
    let count = secrets.len();
    let changes = scopes.iter().flat_map(|scope| {
        secrets.iter().map(move |(name, value)| Change::Set(scope.clone(), name.clone(), value.clone()))
    });
    change(context, changes.collect())?;
    for scope in scopes {
        context.printer().note(format!("Set {count} secrets of {scope}"));
    }
    Ok(Exit::Ok)
}
