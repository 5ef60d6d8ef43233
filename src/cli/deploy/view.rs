use serde::Serialize;

use crate::kube::{LogTail, Unready, ready::Trouble};
use crate::model::ObjectRef;
use crate::plan::{Action, Change, ChangeSet};
use crate::sink::Report;
use crate::ui::{Format, Printer, Table};

/// What a run of diff or apply tells scripts.
#[derive(Debug, Serialize)]
pub(in crate::cli) struct View<'v> {
    #[serde(flatten)]
    pub(super) set: &'v ChangeSet,
    /// What was done; missing where nothing was tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) done: Option<&'v Report>,
    /// What did not get ready; missing where nobody waited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) unready: Option<Vec<UnreadyView<'v>>>,
}

#[derive(Debug, Serialize)]
pub(super) struct UnreadyView<'v> {
    object: &'v ObjectRef,
    #[serde(flatten)]
    trouble: &'v Trouble,
    timed_out: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    log: &'v Option<LogTail>,
}

impl<'v> From<&'v Unready> for UnreadyView<'v> {
    fn from(unready: &'v Unready) -> Self {
        let Unready { object, trouble, timed_out, log } = unready;
        Self { object, trouble, timed_out: *timed_out, log }
    }
}

/// Shows a change set on stdout.
pub(in crate::cli) fn show(
    printer: Printer,
    format: Format,
    set: &ChangeSet,
    done: Option<&Report>,
    unready: Option<&[Unready]>,
) -> anyhow::Result<()> {
    let view = View { set, done, unready: unready.map(|u| u.iter().map(UnreadyView::from).collect()) };
    printer.view(format, &view, |v| changes_table(v.set), |v| names(v.set))
}

fn names(set: &ChangeSet) -> Vec<String> {
    set.changes.iter().filter(|c| c.action != Action::Unchanged).map(|c| c.object.resource_name()).collect()
}

/// What changes, field by field; what doesn't is only counted.
fn changes_table(set: &ChangeSet) -> Table {
    let nothing = if set.changes.is_empty() { "No objects" } else { "Nothing to change" };
    let mut table = Table::new(&["ACTION", "OBJECT", "REASON"], nothing);
    for Change { object, action, reason, fields, .. } in
        set.changes.iter().filter(|c| c.action != Action::Unchanged)
    {
        table.row([action.to_string(), object.to_string(), reason.clone()]);
        for field in fields {
            for (n, line) in field.told().into_iter().enumerate() {
                let path = if n == 0 { format!("  {}", field.path) } else { String::new() };
                table.row([String::new(), path, line]);
            }
        }
    }
    table
}
