use clap::Args;

use super::selection;
use super::source::SourceArgs;
use super::view::ModelView;
use crate::cli::Context;
use crate::error::Exit;
use crate::model::ModelName;
use crate::ui::{Format, Table};

/// List the models that are configured
///
/// Models whose configuration is wrong are left out; what is wrong with them is told on stderr, and the exit code is 1.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  csw models list
  csw models list -o name
  csw models list --source all -o json
  csw models -n PSLmodels/Tax-Cruncher,PSLmodels/OG-USA list")]
pub(super) struct ListArgs {
    #[command(flatten)]
    source: SourceArgs,

    /// How to write them
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,
}

pub(super) fn run(context: &Context, names: &[ModelName], args: ListArgs) -> anyhow::Result<Exit> {
    let ListArgs { source, output } = args;
    let settings = context.settings(|_| {})?;
    let catalog = source.load_or_examples(context, &settings)?;
    let views: Vec<ModelView> = catalog.select(names)?.into_iter().map(ModelView::new).collect();
    let nothing = selection::none(&catalog);
    context.printer().view(
        output,
        &views,
        |views| {
            let heading = ["NAME", "CLUSTER", "WORKERS", "CPU", "MEMORY", "TIMESTAMP", "SOURCE"];
            let mut table = Table::new(&heading, nothing);
            views.iter().for_each(|v| table.row(v.cells()));
            table
        },
        |views| views.iter().map(|v| v.name.clone()).collect(),
    )?;
    Ok(selection::tell_mistakes(context, names, &catalog))
}
