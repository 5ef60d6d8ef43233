use clap::Args;

use super::selection;
use super::source::SourceArgs;
use super::view::ModelView;
use crate::cli::Context;
use crate::cli::complete::model_names;
use crate::error::Exit;
use crate::model::ModelName;
use crate::ui::{Format, Table};

/// Show everything that is known about models, defaults filled in
///
/// JSON and YAML are a list, of however many models.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  csw models show PSLmodels/Tax-Cruncher
  csw models -n PSLmodels/Tax-Cruncher,PSLmodels/OG-USA show -o yaml
  csw models show -o json | jq '.[].repo_url'")]
pub(super) struct ShowArgs {
    /// Models to show, as -n; all if none is named
    #[arg(value_name = "OWNER/TITLE", value_parser = super::name, add = model_names())]
    models: Vec<ModelName>,

    #[command(flatten)]
    source: SourceArgs,

    /// How to write them
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,
}

pub(super) fn run(context: &Context, names: &[ModelName], args: ShowArgs) -> anyhow::Result<Exit> {
    let ShowArgs { models, source, output } = args;
    let names = [names, &models].concat();
    let settings = context.settings(|_| {})?;
    let catalog = source.load_or_examples(context, &settings)?;
    let views: Vec<ModelView> = catalog.select(&names)?.into_iter().map(ModelView::new).collect();
    let nothing = selection::none(&catalog);
    context.printer().view(
        output,
        &views,
        |views| {
            let mut table = Table::new(&["KEY", "VALUE"], nothing);
            for (index, view) in views.iter().enumerate() {
                if index > 0 {
                    table.row(["", ""]);
                }
                view.lines().into_iter().for_each(|(key, value)| table.row([key.to_owned(), value]));
            }
            table
        },
        |views| views.iter().map(|v| v.name.clone()).collect(),
    )?;
    Ok(selection::tell_mistakes(context, &names, &catalog))
}
