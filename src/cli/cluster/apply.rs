use clap::Args;

use crate::cli::Context;
use crate::cli::args::{ApplyArgs, KubeArgs, SourceArgs};
use crate::cli::complete::model_names;
use crate::cli::deploy;
use crate::cli::models::name;
use crate::error::Exit;
use crate::model::ModelName;

/// Bring the services and models on a cluster, or objects from files, to what is wanted
#[derive(Debug, Args)]
#[command(
    after_help = "Everything that would change is checked by the server first: if anything is refused, nothing is applied.
A run that is cut short is finished by running it again.

Examples:
  csw cluster apply --wait
  csw cluster apply -n Examples/Solow --wait
  csw cluster apply -f manifests/ --prune
  csw svc config -o - | csw cluster apply -f - --prune --dry-run
  csw cluster apply -f manifests/ --prune --yes -o json"
)]
pub(super) struct ClusterApplyArgs {
    #[command(flatten)]
    source: SourceArgs,

    /// Of the models only these, beside the services; separated by commas, letter case doesn't matter
    #[arg(short, long, value_name = "OWNER/TITLE", value_delimiter = ',', value_parser = name, add = model_names(), conflicts_with = "files")]
    names: Vec<ModelName>,

    #[command(flatten)]
    apply: ApplyArgs,

    #[command(flatten)]
    kube: KubeArgs,
}

pub(super) fn run(context: &Context, args: ClusterApplyArgs) -> anyhow::Result<Exit> {
    let ClusterApplyArgs { source, names, apply, kube } = args;
    let desired = if source.files.is_empty() {
        deploy::rendered(context, &kube, |settings, version| {
            deploy::everything(context, settings, version, &names)
        })?
    } else {
        let manifests = deploy::read(&source.files)?;
        // Pruning says itself what nothing means.
        if !apply.prune {
            deploy::something(&manifests, &source.files, "apply")?;
        }
        deploy::Desired::whole(manifests)
    };
    deploy::run(context, &kube, &apply, desired)
}
