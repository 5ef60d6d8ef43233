//! Results that the web app does not have: listed, and sent again.

use crate::cli::Context;
use crate::error::Exit;
use crate::model::JobId;
use crate::services::client::SchedulerClient;
use crate::services::outputs_processor::wire::ResultsQuery;
use crate::store::{Undelivered, UndeliveredState};
use crate::ui::{Format, Table, sentence};

/// Results that are asked for at once.
const PAGE: usize = 1000;

/// All of them.
async fn all(client: &SchedulerClient, state: UndeliveredState) -> anyhow::Result<Vec<Undelivered>> {
    let mut query = ResultsQuery { state, after: None, limit: Some(PAGE) };
    let mut found = Vec::new();
    loop {
        let page = client.undelivered(&query).await?;
        found.extend(page.results);
        query.after = page.next;
        if query.after.is_none() {
            return Ok(found);
        }
    }
}

pub(super) async fn list(
    context: &Context,
    client: &SchedulerClient,
    state: UndeliveredState,
    format: Format,
) -> anyhow::Result<Exit> {
    let found = all(client, state).await?;
    context.printer().view(
        format,
        &found,
        |found| {
            let empty = match state {
                UndeliveredState::Dead => "The web app has refused no result",
                UndeliveredState::Waiting => "No result waits for the web app",
            };
            let mut table = Table::new(&["ID", "MODEL", "TASK", "TRIES", "SINCE", "REASON"], empty);
            for result in found {
                table.row([
                    result.task_id.to_string(),
                    result.model.to_string(),
                    result.task.to_string(),
                    result.tries.to_string(),
                    result.since.map(|at| format!("{at:.0}")).unwrap_or_default(),
                    result.reason.as_deref().map(sentence).unwrap_or_default(),
                ]);
            }
            table
        },
        |found| found.iter().map(|result| result.task_id.to_string()).collect(),
    )?;
    Ok(Exit::Ok)
}

/// Sends these to the web app again, or without any, all that it refused.
pub(super) async fn retry(
    context: &Context,
    client: &SchedulerClient,
    ids: Vec<JobId>,
    format: Format,
) -> anyhow::Result<Exit> {
    let ids = if ids.is_empty() {
        all(client, UndeliveredState::Dead).await?.into_iter().map(|result| result.task_id).collect()
    } else {
        ids
    };
    let mut sent = Vec::with_capacity(ids.len());
    for id in &ids {
        sent.push(client.retry_result(id).await?);
    }
    let printer = context.printer();
    printer.note(format!("sent again: {}", sent.len()));
    printer.view(
        format,
        &sent,
        |sent| {
            let mut table = Table::new(&["ID", "STATE"], "The web app has refused no result");
            sent.iter().for_each(|r| table.row([r.task_id.to_string(), r.state.as_str().to_owned()]));
            table
        },
        |sent| sent.iter().map(|r| r.task_id.to_string()).collect(),
    )?;
    Ok(Exit::Ok)
}
