use clap::Args;
use jiff::Timestamp;
use serde::Serialize;

use super::in_use;
use super::stored::{Row, Stored, StoredArgs};
use crate::cli::args::ClusterArgs;
use crate::cli::{Context, confirm};
use crate::error::Exit;
use crate::image::list::StoredImage;
use crate::image::prune::{Spare, choose, from_engine, from_registry};
use crate::model::Seconds;
use crate::ui::{self, Format, Table, prompt};

/// Remove images of the project that nobody needs any more
///
/// The tag in use now (--tag) always stays. At the registry an image goes with all its tags, so it stays as long as one
/// of them has to.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  csw images prune --older-than 720h --dry-run
  csw images prune --older-than 720h --keep-last 3
  csw images prune --registry --unused --older-than 24h --yes")]
pub(super) struct PruneArgs {
    #[command(flatten)]
    stored: StoredArgs,

    /// Only images that were built longer ago than this: seconds, or with a unit as in 720h
    #[arg(long, value_name = "TIME", required_unless_present = "unused")]
    older_than: Option<Seconds>,

    /// Only images that no object of the cluster names, in any namespace
    #[arg(long)]
    unused: bool,

    /// Spare so many of each repository, the youngest
    #[arg(long, value_name = "N", default_value_t = 0)]
    keep_last: usize,

    /// Only say which
    #[arg(long)]
    dry_run: bool,

    /// Don't ask
    #[arg(short, long)]
    yes: bool,

    /// Output format
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,

    #[command(flatten)]
    cluster: ClusterArgs,
}

#[derive(Debug, Serialize)]
struct View {
    dry_run: bool,
    removed: Vec<Row>,
    kept: Vec<Kept>,
}

#[derive(Debug, Serialize)]
struct Kept {
    #[serde(rename = "image")]
    row: Row,
    reason: &'static str,
}

pub(super) fn run(context: &Context, args: PruneArgs) -> anyhow::Result<Exit> {
    let PruneArgs { stored, older_than, unused, keep_last, dry_run, yes, output, cluster } = args;
    let printer = context.printer();
    let (settings, access) = cluster.access(context)?;
    // Before anything is listed: what can't be found out must not look unused.
    let named_in = match unused {
        true => Some(context.block_on(async { Ok(in_use::texts(&access.connect().await?).await?) })?),
        false => None,
    };
    let spare = Spare {
        younger_than: older_than.map(Seconds::to_duration),
        last: keep_last,
        tag: Some(settings.tag.value.to_string()),
        named_in,
    };
    let found = stored.find(context, &settings)?;
    let by_name = matches!(found, Stored::Engine(..));
    let (doomed, kept) = choose(found.images(), &spare, by_name, Timestamp::now());
    let kept = kept.iter().map(|(image, reason)| Kept { row: image.into(), reason }).collect();
    let mut exit = Exit::Ok;
    let removed = if dry_run || doomed.is_empty() {
        doomed
    } else {
        if !yes && prompt::possible() {
            doomed.iter().for_each(|image| printer.note(format!("  {}", image.image)));
        }
        let images = confirm::count(doomed.len(), "image");
        confirm::deletion(
            &format!("{images} {}, {}", place(&found), size(doomed.iter().map(|i| i.size))),
            yes,
        )?;
        let (removed, failed) = context.block_on(async { Ok(remove(&found, doomed).await) })?;
        for error in failed {
            exit = ui::report(printer, &error);
        }
        removed
    };
    let view = View { dry_run, removed: removed.iter().map(Row::from).collect(), kept };
    let verb = if dry_run { "would be removed" } else { "removed" };
    let bytes = size(view.removed.iter().map(|row| row.size));
    printer.note(format!("{verb}: {}, {bytes}", confirm::count(view.removed.len(), "image")));
    printer.view(
        output,
        &view,
        |view| {
            let mut table = Table::new(&["IMAGE", "DIGEST", "CREATED", "SIZE"], "Nothing to remove");
            for row in &view.removed {
                table.row([row.image.to_string(), row.short_digest(), row.date(), row.size()]);
            }
            table
        },
        |view| view.removed.iter().map(|row| row.image.to_string()).collect(),
    )?;
    Ok(exit)
}

/// Layers that several images share count for each.
fn size(sizes: impl Iterator<Item = u64>) -> String {
    format!("at most {}", indicatif::HumanBytes(sizes.sum()))
}

fn place(found: &Stored) -> &'static str {
    match found {
        Stored::Engine(..) => "from the Docker engine",
        Stored::Registry(..) => "from the registry",
    }
}

/// Those that are gone, and why the others are not.
async fn remove(found: &Stored, doomed: Vec<StoredImage>) -> (Vec<StoredImage>, Vec<anyhow::Error>) {
    let (mut removed, mut failed) = (Vec::new(), Vec::new());
    for image in doomed {
        let outcome = match found {
            Stored::Engine(engine, _) => from_engine(engine, &image).await,
            Stored::Registry(registries, _) => from_registry(registries, &image).await,
        };
        match outcome {
            Ok(_) => removed.push(image),
            Err(e) => failed.push(anyhow::Error::from(e).context(image.image.to_string())),
        }
    }
    (removed, failed)
}
