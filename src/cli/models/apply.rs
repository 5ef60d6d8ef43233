use clap::Args;

use super::selection::{SelectionArgs, Wanted};
use super::source::SourceArgs;
use crate::cli::args::{ApplyArgs, KubeArgs};
use crate::cli::{Context, deploy};
use crate::error::Exit;

/// Bring models on a cluster to what is wanted
///
/// The services and other models are left alone, also with --prune: that deletes what a model no longer has. What is
/// left of a model without a file `csw cluster apply --prune` deletes. Without -n these are the models whose file differs
/// from the base branch, as for `csw models config`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  csw models -n PSLmodels/Tax-Cruncher apply --wait
  csw models apply --dry-run
  csw models apply --all --source all --use-latest-tag --yes")]
pub(super) struct ModelsApplyArgs {
    #[command(flatten)]
    source: SourceArgs,

    #[command(flatten)]
    selection: SelectionArgs,

    /// Use each model's latest tag, which the web app knows, instead of the image tag
    #[arg(long)]
    use_latest_tag: bool,

    #[command(flatten)]
    apply: ApplyArgs,

    #[command(flatten)]
    kube: KubeArgs,
}

pub(super) fn run(context: &Context, wanted: Wanted<'_>, args: ModelsApplyArgs) -> anyhow::Result<Exit> {
    let ModelsApplyArgs { source, selection, use_latest_tag, apply, kube } = args;
    let (settings, _) = kube.access(context)?;
    let catalog = source.load(context, &settings, wanted.names)?;
    let Some(selection) = wanted.choose(context, &settings, &catalog, &selection)? else {
        return Ok(Exit::Ok);
    };
    let desired = deploy::rendered(context, &kube, |settings, version| {
        deploy::models(context, settings, version, &catalog, &selection, use_latest_tag)
    })?;
    deploy::run(context, &kube, &apply, desired)
}
