use clap::Args;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::cli::args::KubeArgs;
use crate::cli::deploy::{Progress, until_interrupted};
use crate::cli::{Context, confirm};
use crate::error::{Exit, Failure};
use crate::kube::DEFAULT_CONCURRENCY;
use crate::model::{ObjectRef, Seconds};
use crate::plan::{Action, Change};
use crate::sink::{ClusterSink, Sweep};
use crate::ui::{Format, Table};

/// Delete everything that was applied, and return when it is gone
#[derive(Debug, Args)]
#[command(
    after_help = "Only members of the set are deleted. Volume claims, namespaces and definitions stay unless they are named.

Examples:
  csw cluster delete
  csw cluster delete --yes --volumes
  csw cluster delete --dry-run -o name"
)]
pub(super) struct DeleteArgs {
    /// Delete volume claims too, and the data on their volumes
    #[arg(long)]
    volumes: bool,

    /// Delete namespaces too, with everything in them
    #[arg(long)]
    namespaces: bool,

    /// Delete custom resource definitions too, with all objects of their kinds
    #[arg(long)]
    definitions: bool,

    /// Only say what would be deleted
    #[arg(long)]
    dry_run: bool,

    /// How long to wait until everything is gone
    #[arg(long, value_name = "TIME", default_value = "5m")]
    timeout: Seconds,

    /// Don't ask
    #[arg(short, long)]
    yes: bool,

    /// Output format
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,

    #[command(flatten)]
    kube: KubeArgs,
}

#[derive(Serialize)]
struct View<'v> {
    context: &'v str,
    applyset: String,
    changes: &'v [Change],
    deleted: Option<&'v [ObjectRef]>,
}

pub(super) fn run(context: &Context, args: DeleteArgs) -> anyhow::Result<Exit> {
    let DeleteArgs { volumes, namespaces, definitions, dry_run, timeout, yes, output, kube } = args;
    let printer = context.printer();
    let (_, access) = kube.access(context)?;
    context.block_on_unbroken(async {
        let sink = ClusterSink::new(access.connect().await?, &kube.applyset);
        let sweep = Sweep { volumes, namespaces, definitions };
        let deletion = sink.plan_deletion(&sweep, DEFAULT_CONCURRENCY).await?;
        let changes = deletion.changes.clone();
        let show = |deleted: Option<&[ObjectRef]>| {
            let view = View {
                context: sink.cluster().context(),
                applyset: sink.parent().resource_name(),
                changes: &changes,
                deleted,
            };
            printer.view(output, &view, |v| table(v.changes), |v| names(v.changes))
        };
        let count = deletion.len();
        if output == Format::Table || dry_run {
            show(None)?;
        }
        if dry_run {
            printer.note(format!("{count} to delete (dry run)"));
            return Ok(Exit::Ok);
        }
        if !deletion.is_empty() {
            let objects = confirm::count(count, "object");
            let data = if volumes { ", with the data on their volumes," } else { "" };
            let context = sink.cluster().context();
            confirm::deletion(&format!("{objects}{data} in the context {context}"), yes)?;
        }
        let progress = Progress::new(printer);
        let cancel = CancellationToken::new();
        let work = sink.delete(deletion, timeout.to_duration(), DEFAULT_CONCURRENCY, &progress);
        let deleted = until_interrupted(&cancel, async {
            tokio::select! {
                deleted = work => Some(deleted),
                () = cancel.cancelled() => None,
            }
        })
        .await
        .flatten();
        progress.clear();
        let Some(deleted) = deleted else {
            return Err(Failure::interrupted("interrupted; run the same command again to go on").into());
        };
        let deleted = deleted?;
        if output != Format::Table {
            show(Some(&deleted))?;
        }
        let kept = changes.iter().filter(|c| c.action == Action::Keep).count();
        printer.note(format!("{} deleted, {kept} kept", deleted.len()));
        Ok(Exit::Ok)
    })
}

fn table(changes: &[Change]) -> Table {
    let mut table = Table::new(&["ACTION", "OBJECT", "REASON"], "No members");
    for change in changes {
        table.row([change.action.to_string(), change.object.to_string(), change.reason.clone()]);
    }
    table
}

fn names(changes: &[Change]) -> Vec<String> {
    changes.iter().filter(|c| c.action == Action::Delete).map(|c| c.object.resource_name()).collect()
}
