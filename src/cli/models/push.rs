use clap::Args;

use super::selection::{SelectionArgs, Wanted};
use super::source::SourceArgs;
use crate::cli::push::{self, PushArgs};
use crate::cli::{Context, image_targets};
use crate::error::{Exit, Failure};

/// Push models' images to their registry
///
/// What is there already is not sent again. Credentials are Docker's: `docker login`, or a credential helper. Without -n
/// these are the models whose file differs from the base branch, as for `csw models config`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  csw models -n PSLmodels/Tax-Cruncher push
  csw models push --all --tag v1 --also-tag latest
  csw models -n Examples/Solow push --load minikube
  csw models push -o json | jq -r '.images[].digest'")]
pub(super) struct ModelsPushArgs {
    #[command(flatten)]
    source: SourceArgs,

    #[command(flatten)]
    selection: SelectionArgs,

    /// Use each model's latest tag, which the web app knows, instead of the image tag
    #[arg(long)]
    use_latest_tag: bool,

    #[command(flatten)]
    push: PushArgs,
}

pub(super) fn run(context: &Context, wanted: Wanted<'_>, args: ModelsPushArgs) -> anyhow::Result<Exit> {
    let ModelsPushArgs { source, selection, use_latest_tag, push } = args;
    let settings = context.settings(|_| {})?;
    let catalog = source.load(context, &settings, wanted.names)?;
    let Some(selection) = wanted.choose(context, &settings, &catalog, &selection)? else {
        return Ok(Exit::Ok);
    };
    let listed = catalog.select(selection.names())?;
    if listed.is_empty() {
        let failure = Failure::config("there is no model to push");
        return Err(failure.hint("write the first with `csw models new OWNER/TITLE`").into());
    }
    let targets = image_targets::of_models(&settings, &listed, use_latest_tag)?;
    push::run(context, &settings, &targets, &push)
}
