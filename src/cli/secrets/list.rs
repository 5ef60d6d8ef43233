use std::collections::BTreeMap;

use clap::Args;

use crate::cli::Context;
use crate::error::Exit;
use crate::secret::{self, Scope, SecretName, SecretValue};
use crate::ui::{Format, Table};

/// List secrets, their values masked
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  csw secrets list
  csw models -n PSLmodels/Tax-Cruncher,PSLmodels/OG-USA secrets list
  csw secrets list -o json --reveal")]
pub(in crate::cli) struct ListArgs {
    /// Show the values
    #[arg(long)]
    reveal: bool,

    /// Output format
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,
}

/// The secrets of one scope, as text.
pub(super) type View = BTreeMap<String, String>;

pub(super) fn run(context: &Context, scopes: &[Scope], args: ListArgs) -> anyhow::Result<Exit> {
    let ListArgs { reveal, output } = args;
    let show = |value: &SecretValue| if reveal { value.expose().to_owned() } else { value.to_string() };
    let all = read(context, scopes)?;
    let views: BTreeMap<String, View> = all
        .into_iter()
        .map(|(scope, secrets)| {
            (label(&scope), secrets.iter().map(|(name, value)| (name.to_string(), show(value))).collect())
        })
        .collect();
    let printer = context.printer();
    if let [scope] = scopes {
        let view = views.into_values().next().unwrap_or_default();
        printer.view(output, &view, |v| table(scope, v), |v| v.keys().cloned().collect())?;
    } else {
        let names = |v: &BTreeMap<String, View>| {
            v.iter().flat_map(|(scope, s)| s.keys().map(move |name| format!("{scope} {name}"))).collect()
        };
        printer.view(output, &views, table_of_several, names)?;
    }
    Ok(Exit::Ok)
}

/// The secrets of all scopes.
pub(super) fn read(
    context: &Context,
    scopes: &[Scope],
) -> anyhow::Result<BTreeMap<Scope, BTreeMap<SecretName, SecretValue>>> {
    let backend = secret::open(&context.settings(|_| ())?)?;
    context.block_on(async {
        let mut all = BTreeMap::new();
        for scope in scopes {
            all.insert(scope.clone(), backend.entries(scope).await?);
        }
        Ok(all)
    })
}

/// How a scope is named in data.
pub(super) fn label(scope: &Scope) -> String {
    match scope {
        Scope::Cluster => "cluster".to_owned(),
        Scope::Model(name) => name.to_string(),
    }
}

fn table(scope: &Scope, view: &View) -> Table {
    let empty = match scope {
        Scope::Cluster => "No secrets. Set one with `csw secrets set NAME`",
        Scope::Model(_) => "No secrets. Set one with `csw models -n OWNER/TITLE secrets set NAME`",
    };
    let mut table = Table::new(&["NAME", "VALUE"], empty);
    for (name, value) in view {
        table.row([name, value]);
    }
    table
}

fn table_of_several(views: &BTreeMap<String, View>) -> Table {
    let mut table = Table::new(&["MODEL", "NAME", "VALUE"], "No secrets");
    for (scope, view) in views {
        for (name, value) in view {
            table.row([scope, name, value]);
        }
    }
    table
}
