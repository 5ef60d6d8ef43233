use clap::Args;

use crate::cli::Context;
use crate::cli::complete::secret_names;
use crate::error::{Exit, Failure};
use crate::secret::{self, Scope, SecretName};

/// Print the value of a secret
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  csw secrets get DB_PASSWORD
  csw models -n PSLmodels/Tax-Cruncher secrets get super")]
pub(in crate::cli) struct GetArgs {
    /// Name of the secret
    #[arg(value_name = "NAME", add = secret_names())]
    name: SecretName,
}

pub(super) fn run(context: &Context, scopes: &[Scope], args: GetArgs) -> anyhow::Result<Exit> {
    let GetArgs { name } = args;
    let [scope] = scopes else {
        return Err(Failure::usage("`get` prints one value: name one model")
            .hint("For several, use `list --reveal -o json`")
            .into());
    };
    let backend = secret::open(&context.settings(|_| ())?)?;
    let value = context.block_on(async { Ok(backend.get(scope, &name).await?) })?;
    context.printer().data(format!("{}\n", value.expose()))?;
    Ok(Exit::Ok)
}
