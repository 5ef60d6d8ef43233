use clap::Args;

use super::set::change;
use crate::cli::complete::secret_names;
use crate::cli::{Context, confirm};
use crate::error::{Exit, Failure};
use crate::secret::{self, Change, Scope, SecretName};

/// Delete secrets
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  csw secrets delete DB_PASSWORD
  csw models -n PSLmodels/Tax-Cruncher secrets delete super")]
pub(in crate::cli) struct DeleteArgs {
    /// Names of the secrets; all are deleted, or none if one is not there
    #[arg(id = "secret_names", value_name = "NAME", required = true, add = secret_names())]
    names: Vec<SecretName>,

    /// Only say which
    #[arg(long)]
    dry_run: bool,

    /// Don't ask; on a terminal alone there is a question
    #[arg(short, long)]
    yes: bool,
}

pub(super) fn run(context: &Context, scopes: &[Scope], args: DeleteArgs) -> anyhow::Result<Exit> {
    let DeleteArgs { names, dry_run, yes } = args;
    let each = || scopes.iter().flat_map(|scope| names.iter().map(move |name| (scope, name)));
    if dry_run {
        return would_delete(context, scopes, &names);
    }
    let count = confirm::count(scopes.len() * names.len(), "secret");
    confirm::where_possible(&format!("Delete {count}? Nobody can bring them back."), "deleted", yes)?;
    change(context, each().map(|(scope, name)| Change::Delete(scope.clone(), name.clone())).collect())?;
    for (scope, name) in each() {
        context.printer().note(format!("Deleted `{name}` of {scope}"));
    }
    Ok(Exit::Ok)
}

/// What would go, or the error that deleting it would be.
fn would_delete(context: &Context, scopes: &[Scope], names: &[SecretName]) -> anyhow::Result<Exit> {
    let settings = context.settings(|_| {})?;
    let backend = secret::open(&settings)?;
    for scope in scopes {
        let kept = context.block_on(async { Ok(backend.entries(scope).await?) })?;
        for name in names {
            if !kept.contains_key(name) {
                return Err(Failure::config(format!("there is no `{name}` of {scope}")).into());
            }
            context.printer().note(format!("would delete `{name}` of {scope}"));
        }
    }
    Ok(Exit::Ok)
}
