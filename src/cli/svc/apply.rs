use clap::Args;

use crate::cli::args::{ApplyArgs, KubeArgs};
use crate::cli::{Context, deploy};
use crate::error::Exit;

/// Bring the services of a cluster to what is wanted
///
/// Models are left alone, also with --prune.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  csw svc apply --wait
  csw svc apply --dry-run
  csw svc apply --prune --yes -o json")]
pub(super) struct SvcApplyArgs {
    #[command(flatten)]
    apply: ApplyArgs,

    #[command(flatten)]
    kube: KubeArgs,
}

pub(super) fn run(context: &Context, args: SvcApplyArgs) -> anyhow::Result<Exit> {
    let SvcApplyArgs { apply, kube } = args;
    let desired =
        deploy::rendered(context, &kube, |settings, version| deploy::services(context, settings, version))?;
    deploy::run(context, &kube, &apply, desired)
}
