use clap::Args;

use super::set::change;
use crate::cli::Context;
use crate::cli::complete::secret_names;
use crate::error::Exit;
use crate::secret::{Change, Scope, SecretName};

/// Delete secrets
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  csw secrets delete DB_PASSWORD
  csw models -n PSLmodels/Tax-Cruncher secrets delete super")]
pub(in crate::cli) struct DeleteArgs {
    /// Names of the secrets; all are deleted, or none if one is not there
    #[arg(id = "secret_names", value_name = "NAME", required = true, add = secret_names())]
    names: Vec<SecretName>,
}

pub(super) fn run(context: &Context, scopes: &[Scope], args: DeleteArgs) -> anyhow::Result<Exit> {
    let DeleteArgs { names } = args;
    let each = || scopes.iter().flat_map(|scope| names.iter().map(move |name| (scope, name)));
    change(context, each().map(|(scope, name)| Change::Delete(scope.clone(), name.clone())).collect())?;
    for (scope, name) in each() {
        context.printer().note(format!("Deleted `{name}` of {scope}"));
    }
    Ok(Exit::Ok)
}
