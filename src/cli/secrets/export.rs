use std::collections::BTreeMap;

use clap::{Args, ValueEnum};

use super::list::{View, label, read};
use crate::cli::Context;
use crate::error::{Exit, Failure};
use crate::secret::{Scope, SecretName, SecretValue};
use crate::ui::prompt;

/// Print all secrets with their values
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  csw secrets export -o json --yes > backup.json
  csw models -n PSLmodels/Tax-Cruncher secrets export --yes | csw models -n PSLmodels/OG-USA secrets import -

Asks first on a terminal; anywhere else --yes has to say that the values are wanted.")]
pub(in crate::cli) struct ExportArgs {
    /// Output format
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    output: ExportFormat,

    /// Print without asking
    #[arg(short, long)]
    yes: bool,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum ExportFormat {
    /// NAME='VALUE' lines, which a shell and `import` understand
    #[default]
    Env,
    /// A JSON object, name to value
    Json,
}

pub(super) fn run(context: &Context, scopes: &[Scope], args: ExportArgs) -> anyhow::Result<Exit> {
    let ExportArgs { output, yes } = args;
    if !yes {
        if !prompt::possible() {
            return Err(Failure::usage("this prints the values of secrets, and nobody can be asked")
                .hint("Say --yes if that is what you want")
                .into());
        }
        if !prompt::confirm("Print the values of all secrets?")? {
            return Err(Failure::config("not exported").into());
        }
    }
    let all = read(context, scopes)?;
    let text = match (output, scopes) {
        (ExportFormat::Json, [_]) => json(&all.values().next().map(exposed).unwrap_or_default())?,
        (ExportFormat::Json, _) => {
            json(&all.iter().map(|(s, secrets)| (label(s), exposed(secrets))).collect::<BTreeMap<_, _>>())?
        }
        (ExportFormat::Env, [_]) => env(all.values().next().unwrap_or(&BTreeMap::new()))?,
        (ExportFormat::Env, _) => {
            return Err(Failure::usage("lines cannot tell several models apart").hint("Use -o json").into());
        }
    };
    context.printer().data(text)?;
    Ok(Exit::Ok)
}

fn exposed(secrets: &BTreeMap<SecretName, SecretValue>) -> View {
    secrets.iter().map(|(name, value)| (name.to_string(), value.expose().to_owned())).collect()
}

fn json(value: &impl serde::Serialize) -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(value)? + "\n")
}

fn env(secrets: &BTreeMap<SecretName, SecretValue>) -> anyhow::Result<String> {
    let odd: Vec<String> = secrets.keys().filter(|n| !n.is_variable()).map(|n| format!("`{n}`")).collect();
    if !odd.is_empty() {
        let message = format!("no environment variable can be named {}", odd.join(", "));
        return Err(Failure::config(message).hint("Use -o json").into());
    }
    // Single quotes: in a shell nothing inside them means anything but the next one.
    Ok(secrets
        .iter()
        .map(|(name, value)| format!("{name}='{}'\n", value.expose().replace('\'', r"'\''")))
        .collect())
}
