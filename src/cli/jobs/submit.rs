use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::connect::{SchedulerArgs, patiently};
use super::inputs::{self, InputArgs};
use super::lines::{self, InputSet};
use crate::cli::Context;
use crate::cli::complete::model_names;
use crate::error::{Diagnose, Exit, Failure};
use crate::model::{JobId, ModelName, TaskName};
use crate::services::client::{ClientError, SchedulerClient};
use crate::services::scheduler::wire::{SubmitEntry, SubmitMany};
use crate::ui::{Format, Printer, Progress, Table};

/// Refusals that are shown; more only make the first ones scroll away.
const SHOWN: usize = 20;
/// Bytes of arguments that one request takes; a set of inputs may have more by itself.
const REQUEST: usize = 4 << 20;

/// Hand simulations over to a running scheduler
///
/// Prints their ids and does not wait for them. They are queued in the order of the lines. The same id with the same inputs is the same job, however often it is
/// submitted; with other inputs it is refused.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  csw jobs submit -n Examples/Solow --set Solow.savings_rate=0.3
  csw jobs submit -n Examples/Solow --input inputs.json --id run-1
  csw jobs submit -n Examples/Solow --from sets.jsonl --id-prefix sweep-1 -o name
  seq 20 | sed 's/.*/{}/' | csw jobs submit -n Examples/Solow --from -")]
pub(super) struct SubmitArgs {
    #[command(flatten)]
    scheduler: SchedulerArgs,

    /// The model
    #[arg(short, long, value_name = "OWNER/TITLE", add = model_names())]
    name: ModelName,

    #[command(flatten)]
    inputs: InputArgs,

    /// The job's id: lower-case letters, digits and `-`; random by default
    #[arg(long, value_name = "ID")]
    id: Option<JobId>,

    /// Many at once: a file of lines `{"meta_param_dict": …, "adjustment": …, "id": …}`, all optional; `-` reads stdin
    #[arg(long, value_name = "FILE", conflicts_with_all = ["input", "set", "id"])]
    from: Option<PathBuf>,

    /// Ids of lines without one are PREFIX-<line number>, so that the same file can be submitted again
    #[arg(long, value_name = "PREFIX", requires = "from")]
    id_prefix: Option<String>,

    /// Jobs that are handed over at once
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=1000))]
    concurrency: u16,

    /// How to write the ids
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,
}

/// A job that was accepted.
#[derive(Debug, Serialize)]
struct AcceptedView {
    id: JobId,
    model: ModelName,
    task: TaskName,
}

pub(super) fn run(context: &Context, args: SubmitArgs) -> anyhow::Result<Exit> {
    let SubmitArgs { scheduler, name, inputs, id, from, id_prefix, concurrency, output } = args;
    let sets = match &from {
        Some(path) => many(path, id_prefix.as_deref())?,
        None => {
            let kwargs = inputs.kwargs(TaskName::Sim)?;
            vec![InputSet { line: 1, id: id.unwrap_or_else(JobId::random), kwargs }]
        }
    };
    let at = scheduler.at(context)?;
    let printer = context.printer();
    let outcomes = context.block_on(async {
        let client = at.connect().await?;
        // Retries are for a scheduler that goes away later, not for a wrong address.
        client.health().await?;
        Ok(submit_all(&client, printer, &name, sets, usize::from(concurrency)).await)
    })?;
    let mut accepted = Vec::new();
    let mut refused = Vec::new();
    for (line, id, outcome) in outcomes {
        match outcome {
            Ok(()) => accepted.push(AcceptedView { id, model: name.clone(), task: TaskName::Sim }),
            Err(e) => refused.push((line, e)),
        }
    }
    // Ids of what was accepted are not lost because something else was not.
    if !accepted.is_empty() {
        printer.view(
            output,
            &accepted,
            |accepted| {
                let mut table = Table::new(&["ID", "MODEL", "TASK"], "Nothing to submit");
                accepted
                    .iter()
                    .for_each(|a| table.row([a.id.to_string(), a.model.to_string(), a.task.to_string()]));
                table
            },
            |accepted| accepted.iter().map(|a| a.id.to_string()).collect(),
        )?;
    }
    if from.is_some() {
        printer.note(format!("Accepted: {}", accepted.len()));
    }
    report(refused, from.is_some())
}

fn many(path: &Path, prefix: Option<&str>) -> anyhow::Result<Vec<InputSet>> {
    let sets = lines::parse(&inputs::read(path)?, prefix)?;
    if sets.is_empty() {
        return Err(Failure::config(format!("{} has no input sets", path.display()))
            .hint("A line is a JSON object; {} means the defaults")
            .into());
    }
    Ok(sets)
}

/// In the order of the lines, so that this is the order of the queue too: a request after the other.
async fn submit_all(
    client: &SchedulerClient,
    printer: Printer,
    model: &ModelName,
    sets: Vec<InputSet>,
    at_once: usize,
) -> Vec<(usize, JobId, Result<(), ClientError>)> {
    let total = sets.len();
    let progress = Progress::counted(printer, total as u64, "jobs");
    let mut outcomes = Vec::with_capacity(total);
    let mut sets = sets.into_iter().peekable();
    while let Some(first) = sets.next() {
        let mut bytes = size(&first);
        let mut places = vec![(first.line, first.id.clone())];
        let mut jobs = vec![entry(model, first)];
        while let Some(set) = sets.next_if(|set| jobs.len() < at_once && bytes + size(set) <= REQUEST) {
            bytes += size(&set);
            places.push((set.line, set.id.clone()));
            jobs.push(entry(model, set));
        }
        let request = SubmitMany { jobs };
        match patiently(|| client.submit_many(&request)).await {
            Ok(answers) => {
                let told = places.into_iter().zip(answers);
                outcomes.extend(told.map(|((line, id), answer)| (line, id, answer.map(drop))));
            }
            Err(e) => {
                // Nobody is there any more: those that were accepted before are told of all the same.
                let is_over = e.is_passing();
                outcomes.extend(places.into_iter().next().map(|(line, id)| (line, id, Err(e))));
                if is_over {
                    break;
                }
            }
        }
        progress.at(outcomes.len() as u64);
    }
    outcomes
}

fn entry(model: &ModelName, set: InputSet) -> SubmitEntry {
    let InputSet { line: _, id, kwargs } = set;
    SubmitEntry { model: model.clone(), task_id: Some(id), task_kwargs: kwargs, tag: None }
}

fn size(set: &InputSet) -> usize {
    serde_json::to_vec(&set.kwargs).map_or(0, |text| text.len())
}

fn report(refused: Vec<(usize, ClientError)>, many: bool) -> anyhow::Result<Exit> {
    let count = refused.len();
    if !many || count == 0 {
        return match refused.into_iter().next() {
            Some((_, e)) => Err(e.into()),
            None => Ok(Exit::Ok),
        };
    }
    let worst = refused.iter().map(|(_, e)| e.exit()).max_by_key(|exit| *exit as u8).unwrap_or(Exit::Config);
    let lines: Vec<String> =
        refused.iter().take(SHOWN).map(|(line, e)| format!("line {line}: {e}")).collect();
    let more = if count > SHOWN { format!("\n  and {} more", count - SHOWN) } else { String::new() };
    let message = format!("not accepted: {count}\n  {}{more}", lines.join("\n  "));
    let hint =
        "Submit the same file again: what was accepted is not run twice (with ids in it or --id-prefix)";
    Err(Failure { exit: worst, message, hints: vec![hint.to_owned()] }.into())
}
