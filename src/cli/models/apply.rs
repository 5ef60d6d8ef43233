use clap::Args;

use super::source::SourceArgs;
use crate::cli::args::{ApplyArgs, KubeArgs};
use crate::cli::{Context, deploy};
use crate::error::Exit;
use crate::model::ModelName;

/// Bring models on a cluster to what is wanted
///
/// The services and other models are left alone, also with --prune: that deletes what a model no longer has. What is
/// left of a model without a file `csw cluster apply --prune` deletes.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  csw models -n PSLmodels/Tax-Cruncher apply --wait
  csw models apply --dry-run
  csw models apply --source all --use-latest-tag --yes")]
pub(super) struct ModelsApplyArgs {
    #[command(flatten)]
    source: SourceArgs,

    /// Use each model's latest tag, which the web app knows, instead of the image tag
    #[arg(long)]
    use_latest_tag: bool,

    #[command(flatten)]
    apply: ApplyArgs,

    #[command(flatten)]
    kube: KubeArgs,
}

pub(super) fn run(context: &Context, names: &[ModelName], args: ModelsApplyArgs) -> anyhow::Result<Exit> {
    let ModelsApplyArgs { source, use_latest_tag, apply, kube } = args;
    let desired = deploy::rendered(context, &kube, |settings, version| {
        let catalog = source.load(context, settings)?;
        deploy::models(context, settings, version, &catalog, names, use_latest_tag)
    })?;
    deploy::run(context, &kube, &apply, desired)
}
