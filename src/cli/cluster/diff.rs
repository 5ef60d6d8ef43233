use clap::Args;

use crate::cli::Context;
use crate::cli::args::{KubeArgs, SourceArgs};
use crate::cli::complete::model_names;
use crate::cli::deploy::{self, Progress};
use crate::cli::models::name;
use crate::error::Exit;
use crate::model::ModelName;
use crate::plan::Scope;
use crate::sink::{Check, ClusterSink, Options};
use crate::ui::Format;

/// Show what an apply would change
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  csw cluster diff
  csw cluster diff -f manifests/ --prune --exit-code    # exits 3 when changes are pending")]
pub(super) struct DiffArgs {
    #[command(flatten)]
    source: SourceArgs,

    /// Of the models only these, beside the services; separated by commas, letter case doesn't matter
    #[arg(short, long, value_name = "OWNER/TITLE", value_delimiter = ',', value_parser = name, add = model_names(), conflicts_with = "files")]
    names: Vec<ModelName>,

    /// Exit with 3 when changes are pending
    #[arg(long)]
    exit_code: bool,

    /// Count members that are no longer wanted as to be deleted
    #[arg(long)]
    prune: bool,

    /// Output format
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,

    #[command(flatten)]
    kube: KubeArgs,
}

pub(super) fn run(context: &Context, args: DiffArgs) -> anyhow::Result<Exit> {
    let DiffArgs { source, names, exit_code, prune, output, kube } = args;
    let printer = context.printer();
    let desired = if source.files.is_empty() {
        deploy::rendered(context, &kube, |settings, version| {
            deploy::everything(context, settings, version, &names)
        })?
    } else {
        let manifests = deploy::read(&source.files)?;
        if !prune {
            deploy::something(&manifests, &source.files, "compare")?;
        }
        deploy::Desired::whole(manifests)
    };
    let (_, access) = kube.access(context)?;
    // A diff deletes nothing, whatever it is asked to count.
    let scope = if names.is_empty() { Scope::All } else { desired.scope().clone() };
    let options = Options { prune, allow_empty: true, scope, ..Options::default() };
    context.block_on(async {
        let sink = ClusterSink::new(access.connect().await?, &kube.applyset);
        let progress = Progress::new(printer);
        let plan = sink.plan(desired.into_manifests(), Check::Server, &options, &progress).await;
        progress.clear();
        let set = plan?.set;
        deploy::show(printer, output, &set, None, None)?;
        printer.note(set.summary.to_string());
        Ok(if exit_code && set.pending() { Exit::Pending } else { Exit::Ok })
    })
}
