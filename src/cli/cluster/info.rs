use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::cli::Context;
use crate::error::Exit;
use crate::settings::{Effective, ROWS};
use crate::ui::{Format, Table};

/// Show every setting in effect, and who set it
#[derive(Debug, Args)]
#[command(after_help = settings_help())]
pub(super) struct InfoArgs {
    /// Output format
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,
}

#[derive(Debug, Serialize)]
struct View {
    version: &'static str,
    settings_file: Option<PathBuf>,
    settings: BTreeMap<&'static str, Effective>,
}

pub(super) fn run(context: &Context, args: InfoArgs) -> anyhow::Result<Exit> {
    let InfoArgs { output } = args;
    let settings = context.settings(|_| ())?;
    let effective = settings.effective();
    let order: Vec<&'static str> = effective.iter().map(|s| s.key).collect();
    let view = View {
        version: env!("CSW_VERSION"),
        settings_file: settings.file,
        settings: effective.into_iter().map(|s| (s.key, s)).collect(),
    };
    let table = |view: &View| {
        let mut table = Table::new(&["SETTING", "VALUE", "ORIGIN"], "No settings");
        for setting in order.iter().filter_map(|key| view.settings.get(key)) {
            let value = setting.value.clone().unwrap_or_else(|| "-".to_owned());
            let origin = match &setting.source {
                Some(source) => format!("{} {source}", setting.origin),
                None => setting.origin.to_owned(),
            };
            table.row([setting.key.to_owned(), value, origin]);
        }
        table
    };
    context.printer().view(output, &view, table, |v| v.settings.keys().map(|k| (*k).to_owned()).collect())?;
    Ok(Exit::Ok)
}

fn settings_help() -> String {
    let mut text = String::from(
        "Examples:\n  csw cluster info\n  TAG=v1 csw cluster info -o json\n\n\
         A flag counts more than the environment, the environment more than csw.yaml, which is looked for from the\n\
         working folder upwards:\n\n",
    );
    for row in ROWS {
        let about = row.about.trim().trim_end_matches('.');
        text.push_str(&format!("  {:<16} {:<20} {about}\n", row.key, row.env));
    }
    text.trim_end().replace('`', "")
}
