use serde::Serialize;

use crate::model::{GroupVersionKind, ObjectRef};
use crate::render::Object;
use crate::ui::{Format, Printer, Table};

/// What kubectl takes for several objects in one document.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct List {
    api_version: &'static str,
    kind: &'static str,
    items: Vec<Object>,
}

/// Writes objects to stdout in a format other than the stream of YAML documents.
pub(in crate::cli) fn show(printer: Printer, format: Format, objects: Vec<Object>) -> anyhow::Result<()> {
    let list = List { api_version: "v1", kind: "List", items: objects };
    printer.view(
        format,
        &list,
        |list| {
            let mut table = Table::new(&["KIND", "NAMESPACE", "NAME"], "No objects");
            for object in &list.items {
                table.row([object.kind(), object.namespace().unwrap_or("-"), object.name()]);
            }
            table
        },
        |list| list.items.iter().map(|object| name(object).resource_name()).collect(),
    )
}

fn name(object: &Object) -> ObjectRef {
    ObjectRef {
        gvk: GroupVersionKind::new(object.api_version(), object.kind()),
        namespace: object.namespace().map(str::to_owned),
        name: object.name().to_owned(),
    }
}
