use clap::Args;
use serde::Serialize;

use super::stored::{Row, StoredArgs};
use crate::cli::Context;
use crate::error::Exit;
use crate::ui::{Format, Table};

/// List images of the project, in the Docker engine or at the registry
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  csw images list
  csw images list --registry
  csw images list --filter scheduler -o json | jq -r '.images[].digest'")]
pub(super) struct ListArgs {
    #[command(flatten)]
    stored: StoredArgs,

    /// Output format
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,
}

#[derive(Debug, Serialize)]
struct View {
    images: Vec<Row>,
}

pub(super) fn run(context: &Context, args: ListArgs) -> anyhow::Result<Exit> {
    let ListArgs { stored, output } = args;
    let settings = context.settings(|_| {})?;
    let found = stored.find(context, &settings)?;
    let view = View { images: found.images().iter().map(Row::from).collect() };
    context.printer().view(
        output,
        &view,
        |view| {
            let mut table = Table::new(
                &["IMAGE", "DIGEST", "CREATED", "SIZE"],
                "No images yet: build them with `csw svc build` and `csw models build`",
            );
            for row in &view.images {
                table.row([row.image.to_string(), row.short_digest(), row.date(), row.size()]);
            }
            table
        },
        |view| view.images.iter().map(|row| row.image.to_string()).collect(),
    )?;
    Ok(Exit::Ok)
}
