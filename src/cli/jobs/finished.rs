//! What a finished job leaves the user with: files and a table, or its traceback.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use serde_json::Value;

use crate::cli::Context;
use crate::cli::args::out;
use crate::error::{Exit, Failure};
use crate::folder::{self, Filling, FolderError};
use crate::model::{Job, JobId, JobStatus, ModelName, Outcome, TaskName, numbers};
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

/// Where results are written to.
#[derive(Debug, Args)]
pub(super) struct OutArgs {
    /// Folder for the result files [default: outputs/OWNER/TITLE/ID]
    #[arg(long, value_name = "DIR", value_parser = out)]
    out: Option<PathBuf>,

    /// Replace all that is in the folder: else one that is not empty and not this job's is refused
    #[arg(long)]
    force: bool,
}

impl OutArgs {
    fn folder(&self, model: &ModelName, id: &JobId) -> PathBuf {
        let default = || ["outputs", model.owner(), model.title(), id.as_str()].iter().collect();
        self.out.clone().unwrap_or_else(default)
    }

    /// Refuses a folder that a job can't have which has yet to run, before anything is computed.
    pub(super) fn check_early(&self, model: &ModelName, id: &JobId) -> Result<(), FolderError> {
        let folder = self.folder(model, id);
        let its = format!("job {id} of {model}, ");
        match folder::owner_of(&folder) {
            Some(owner) if owner.starts_with(&its) => Ok(()),
            _ => folder::check(&folder, &its, self.force),
        }
    }
}

/// What a folder with the results of a job says that it holds: an id may be used again once its job is forgotten.
fn owner(job: &Job) -> String {
    format!("job {} of {}, submitted at {}", job.id, job.model, job.created_at)
}

/// Writes the outputs of a simulation to a folder and shows them; shows the result of any other task. A job that did
/// not succeed is an error, with its traceback on stderr.
pub(super) async fn show(
    context: &Context,
    client: &SchedulerClient,
    job: Job,
    out: &OutArgs,
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
    let (out, owner, force) = (out.folder(&job.model, &job.id), owner(&job), out.force);
    folder::check(&out, &owner, force)?;
    let outputs = Outputs::from_json(client.outputs(&job.id).await?)?;
    let filling = Filling::begin(&out, &owner, force)?;
    let mut files = extract(&outputs, filling.path())?;
    for file in &mut files {
        if let Ok(name) = file.path.strip_prefix(filling.path()) {
            file.path = out.join(name);
        }
    }
    filling.finish()?;
    if format == Format::Table && !files.is_empty() {
        printer.note(format!("Results in {}:", out.display()));
    }
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
                    file.path.strip_prefix(&view.out).unwrap_or(&file.path).display().to_string(),
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
