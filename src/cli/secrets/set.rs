use std::io::{IsTerminal as _, Read as _};

use clap::{ArgAction, Args};
use secrecy::{ExposeSecret as _, SecretString};

use crate::cli::Context;
use crate::cli::args::GLOBAL_OPTIONS;
use crate::cli::complete::secret_names;
use crate::error::{Exit, Failure};
use crate::secret::{Change, FileBackend, Scope, SecretBackend as _, SecretName, SecretValue};
use crate::ui::prompt;

/// Set a secret: from stdin, else from an unseen prompt
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  csw secrets set DB_PASSWORD                # asks, unseen
  csw secrets set DB_PASSWORD < password.txt
  csw models -n PSLmodels/Tax-Cruncher secrets set --secret-name super --secret-value secret

One line break at the end of stdin is not part of the value. Other users of the machine can see a value on the command
line while the command runs, and the shell may keep it in its history.")]
pub(in crate::cli) struct SetArgs {
    /// Name of the secret
    #[arg(value_name = "NAME", required_unless_present = "secret_name", conflicts_with = "secret_name", add = secret_names())]
    name: Option<SecretName>,

    /// Its value; better from stdin or the prompt
    #[arg(value_name = "VALUE", conflicts_with_all = ["secret_value", "secret_name"])]
    value: Option<SecretString>,

    /// Name of the secret
    #[arg(short = 's', long, value_name = "NAME", add = secret_names())]
    secret_name: Option<SecretName>,

    /// Its value; better from stdin or the prompt
    #[arg(short = 'v', long, value_name = "VALUE", allow_hyphen_values = true)]
    secret_value: Option<SecretString>,

    // Here `-v` is the value: the global flag of the same id keeps only its long name.
    /// Say more
    #[arg(id = "verbose", long, action = ArgAction::Count, help_heading = GLOBAL_OPTIONS)]
    _verbose: u8,
}

pub(super) fn run(context: &Context, scopes: &[Scope], args: SetArgs) -> anyhow::Result<Exit> {
    let SetArgs { name, value, secret_name, secret_value, _verbose } = args;
    let printer = context.printer();
    let Some(name) = name.or(secret_name) else { return Err(Failure::usage("which secret? Name it").into()) };
    let value = match value.or(secret_value) {
        Some(value) => {
            printer.note(
                "warning: others on this machine can see a value on the command line; pipe it in instead",
            );
            SecretValue::new(value.expose_secret().to_owned())?
        }
        None => ask_or_read(&name)?,
    };
    let changes = scopes.iter().map(|s| Change::Set(s.clone(), name.clone(), value.clone())).collect();
    change(context, changes)?;
    for scope in scopes {
        printer.note(format!("Set `{name}` of {scope}"));
    }
    Ok(Exit::Ok)
}

fn ask_or_read(name: &SecretName) -> anyhow::Result<SecretValue> {
    if prompt::possible() {
        let value = prompt::hidden_twice(&format!("Value of {name}"))?;
        return Ok(SecretValue::new(value.expose_secret().to_owned())?);
    }
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        return Err(Failure::usage(format!(
            "no value for `{name}`: stderr is no terminal, so nobody can be asked"
        ))
        .hint("Pipe the value into the command")
        .into());
    }
    let mut text = String::new();
    // Far more than a value may have, so that a longer one is refused and not cut.
    stdin.lock().take(1 << 20).read_to_string(&mut text).map_err(|e| match e.kind() {
        std::io::ErrorKind::InvalidData => Failure::config("the value on stdin is not UTF-8 text"),
        _ => Failure::config(format!("cannot read the value from stdin: {e}")),
    })?;
    let end = text.strip_suffix('\n').map_or(text.len(), |t| t.strip_suffix('\r').unwrap_or(t).len());
    text.truncate(end);
    if text.is_empty() {
        return Err(Failure::config(format!("no value for `{name}`: stdin is empty"))
            .hint(format!("For a value that is really empty: csw secrets set -s {name} -v ''"))
            .into());
    }
    Ok(SecretValue::new(text)?)
}

/// Makes the changes, and says so if that made the first identity.
pub(super) fn change(context: &Context, changes: Vec<Change>) -> anyhow::Result<()> {
    let settings = context.settings(|_| ())?;
    let backend = FileBackend::new(&settings);
    let first = !backend.has_identity();
    context.block_on(async { Ok(backend.change(changes).await?) })?;
    if first && backend.has_identity() {
        context.printer().note(format!(
            "Made a new identity at {}. Keep a copy of it: nothing else decrypts the secrets",
            settings.identity.value.display()
        ));
    }
    Ok(())
}
