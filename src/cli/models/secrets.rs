use clap::Args;

use crate::cli::Context;
use crate::cli::secrets::{self, SecretsArgs};
use crate::error::{Exit, Failure};
use crate::model::ModelName;
use crate::secret::Scope;

/// Keep a model's secrets, which its process gets as environment variables
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  csw models -n PSLmodels/Tax-Cruncher secrets set DB_PASSWORD   # asks, unseen
  csw models -n PSLmodels/Tax-Cruncher,PSLmodels/OG-USA secrets list
  csw models -n PSLmodels/Tax-Cruncher secrets get DB_PASSWORD")]
pub(super) struct ModelSecretsArgs {
    /// Owner of the model, instead of -n
    #[arg(long, requires = "title", conflicts_with = "names")]
    owner: Option<String>,

    /// Title of the model, instead of -n
    #[arg(long, requires = "owner")]
    title: Option<String>,

    #[command(flatten)]
    secrets: SecretsArgs,
}

pub(super) fn run(
    context: &Context,
    mut names: Vec<ModelName>,
    args: ModelSecretsArgs,
) -> anyhow::Result<Exit> {
    let ModelSecretsArgs { owner, title, secrets } = args;
    if let (Some(owner), Some(title)) = (owner, title) {
        names.push(ModelName::new(&owner, &title)?);
    }
    names.sort();
    names.dedup();
    if names.is_empty() {
        return Err(Failure::usage("which model? Name it with -n OWNER/TITLE").into());
    }
    let scopes: Vec<Scope> = names.into_iter().map(Scope::Model).collect();
    secrets::run(context, &scopes, secrets)
}
