use clap::Args;
use serde::Serialize;

use crate::cli::Context;
use crate::cli::push::tag;
use crate::error::Exit;
use crate::image::credentials::CredentialStore;
use crate::image::promote::{Promoted, promote};
use crate::image::push::Registries;
use crate::model::ImageReference;
use crate::ui::{self, Format, Table};

/// Give images at their registry more tags, by digest and without pulling
///
/// An image that is named by tag and digest is promoted only if the tag still stands for that digest.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  csw images promote gcr.io/my-project/scheduler:4f2a9c1 --to v1
  csw images promote $(csw svc push -o name) --to stable --to latest
  csw images promote gcr.io/staging/scheduler:v1 --to-image gcr.io/production/scheduler:v1")]
pub(super) struct PromoteArgs {
    /// Images with their registry and tag or digest, or both
    #[arg(value_name = "IMAGE", required = true)]
    images: Vec<ImageReference>,

    /// Tag that each gets in its repository; may be given several times
    #[arg(long, value_name = "TAG", value_parser = tag, required_unless_present = "to_image")]
    to: Vec<String>,

    /// Name that the image gets, in any repository of the same registry
    #[arg(long, value_name = "IMAGE", conflicts_with = "to")]
    to_image: Option<ImageReference>,

    /// Output format
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,
}

#[derive(Debug, Serialize)]
struct View {
    images: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    from: ImageReference,
    image: ImageReference,
    digest: String,
    existing: bool,
}

pub(super) fn run(context: &Context, args: PromoteArgs) -> anyhow::Result<Exit> {
    let PromoteArgs { images, to, to_image, output } = args;
    let printer = context.printer();
    let mut wanted = Vec::new();
    for image in &images {
        for tag in &to {
            wanted.push((image, image.with_tag(tag)?));
        }
        wanted.extend(to_image.iter().map(|name| (image, name.clone())));
    }
    let outcomes = context.block_on(async {
        let registries = Registries::new(CredentialStore::from_environment());
        let mut outcomes = Vec::new();
        for (from, to) in &wanted {
            outcomes.push(promote(&registries, from, to).await);
        }
        Ok(outcomes)
    })?;
    let done = outcomes.iter().filter_map(|outcome| outcome.as_ref().ok()).cloned();
    let row = |Promoted { from, to, digest, existing }| Row { from, image: to, digest, existing };
    let view = View { images: done.map(row).collect() };
    printer.view(
        output,
        &view,
        |view| {
            let mut table = Table::new(&["IMAGE", "DIGEST", "STATUS"], "Nothing promoted");
            for row in &view.images {
                let status = if row.existing { "already there" } else { "promoted" };
                table.row([row.image.to_string(), row.digest.clone(), status.to_owned()]);
            }
            table
        },
        |view| view.images.iter().map(|row| format!("{}@{}", row.image, row.digest)).collect(),
    )?;
    let failures = outcomes.into_iter().filter_map(Result::err);
    let exits = failures.map(|failure| ui::report(printer, &failure.into()));
    Ok(exits.max_by_key(|exit| *exit as u8).unwrap_or(Exit::Ok))
}
