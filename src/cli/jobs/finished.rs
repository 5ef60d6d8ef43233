//! What a finished job leaves the user with: files and a table, or its traceback.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;

use crate::cli::Context;
use crate::error::{Exit, Failure};
use crate::model::{Job, JobStatus, Outcome, TaskName, numbers};
use crate::outputs::{ExtractedFile, Outputs, extract};
use crate::services::client::SchedulerClient;
use crate::ui::{Format, Printer, Table};

/// A finished job with the files that its outputs were written to.
#[derive(Debug, Serialize)]
struct FinishedView {
    #[serde(flatten)]
    job: Job,
    model_version: Option<String>,
    task_times: Vec<f64>,
    out: PathBuf,
    files: Vec<ExtractedFile>,
}

/// `outputs/<Owner>/<Title>/<id>` below the working folder.
pub(super) fn default_out(job: &Job) -> PathBuf {
    ["outputs", job.model.owner(), job.model.title(), job.id.as_str()].iter().collect()
}

/// Writes the outputs of a simulation below `out` and shows them; shows the result of any other task. A job that did
/// not succeed is an error, with its traceback on stderr.
pub(super) async fn show(
    context: &Context,
    client: &SchedulerClient,
    job: Job,
    out: Option<&Path>,
    format: Format,
) -> anyhow::Result<Exit> {
    let printer = context.printer();
    match job.status {
        JobStatus::Success | JobStatus::Fail => {}
        JobStatus::Cancelled => return Err(Failure::failed(format!("job {} was cancelled", job.id)).into()),
        JobStatus::Pending | JobStatus::Running => {
            let failure = Failure::config(format!("job {} has no result yet: it is {}", job.id, job.status));
            return Err(failure.hint(format!("Wait for it: `csw jobs wait {}`", job.id)).into());
        }
    }
    let result = client.result(&job.id).await?;
    if result.status == Outcome::Fail {
        let traceback = result.traceback.unwrap_or_default();
        printer.warn(traceback.trim_end());
        return Err(Failure::failed(format!("job {} of {} failed", job.id, job.model)).into());
    }
    if job.task != TaskName::Sim {
        show_answer(printer, &result.outputs.unwrap_or_default(), format)?;
        return Ok(Exit::Ok);
    }
    let outputs = Outputs::from_json(client.outputs(&job.id).await?)?;
    let out = out.map_or_else(|| default_out(&job), Path::to_owned);
    let files = extract(&outputs, &out)?;
    let view = FinishedView {
        job,
        model_version: result.model_version,
        task_times: result.meta.task_times,
        out,
        files,
    };
    printer.view(
        format,
        &view,
        |view| {
            let mut table = Table::new(&["TITLE", "TYPE", "SIZE", "FILE"], "The model has made no outputs");
            for file in &view.files {
                table.row([
                    file.title.clone(),
                    file.media_type.to_string(),
                    indicatif::HumanBytes(file.size).to_string(),
                    file.path.display().to_string(),
                ]);
            }
            table
        },
        |view| view.files.iter().map(|file| file.path.display().to_string()).collect(),
    )?;
    Ok(Exit::Ok)
}

/// The JSON that `version`, `defaults` or `parse` answered; it has no form as a table.
pub(super) fn show_answer(printer: Printer, answer: &Value, format: Format) -> anyhow::Result<()> {
    match format {
        Format::Table | Format::Name | Format::Json => {
            printer.data(numbers::to_string_pretty(answer)? + "\n")?;
        }
        Format::Yaml => printer.data(serde_saphyr::to_string(&numbers::as_text(answer.clone()))?)?,
    }
    Ok(())
}
