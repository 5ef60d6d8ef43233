use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use clap::Args;
use secrecy::SecretString;
use serde_json::Value;

use super::finished::{self, OutArgs};
use super::inputs::InputArgs;
use crate::cli::Context;
use crate::cli::complete::model_names;
use crate::cli::stack_config::{Differences, isolation_note, keep_private, stack_config};
use crate::cli::up::Signals;
use crate::config::{self, Sources};
use crate::error::{Exit, Failure};
use crate::executor::environment::PrepareProgress;
use crate::model::{Job, JobId, JobStatus, Model, ModelName, Outcome, Seconds, TaskName};
use crate::services::catalogue::Catalogue;
use crate::services::client::SchedulerClient;
use crate::services::scheduler::wire::SubmitRequest;
use crate::services::stack::{Stack, StackConfig};
use crate::services::tokens::Tokens;
use crate::ui::{Format, Printer, Progress};

/// Run one task of a model here and now, from inputs to result files
///
/// Starts a stack for its own duration; none has to be running. A job that fails prints its traceback on stderr and
/// exits with 5, as does one that takes longer than --timeout; Ctrl-C cancels it. With --id, running the same
/// inputs again gives the same result without computing it again, and other inputs are refused.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  csw jobs run -n Examples/Solow
  csw jobs run -n Examples/Solow --set Solow.savings_rate=0.3 --out ./results
  csw jobs run -n Examples/Epidemic --input inputs.json --id run-1 -o json
  csw jobs run -n Examples/Solow --task defaults")]
pub(super) struct RunArgs {
    /// The model
    #[arg(short, long, value_name = "OWNER/TITLE", add = model_names())]
    name: ModelName,

    /// What to run
    #[arg(long, value_enum, value_name = "TASK", default_value_t = TaskName::Sim)]
    task: TaskName,

    #[command(flatten)]
    inputs: InputArgs,

    #[command(flatten)]
    out: OutArgs,

    /// The job's id: lower-case letters, digits and `-`; random by default
    #[arg(long, value_name = "ID")]
    id: Option<JobId>,

    /// Cancel it after this time: seconds, or with a unit as in 15m
    #[arg(long, value_name = "TIME")]
    timeout: Option<Seconds>,

    /// Folder for the stack's state [env: CSW_DATA_DIR]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    /// How to write the result
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,
}

/// How waiting for the job ended.
enum Waited {
    Ended(Job),
    TimedOut,
    Interrupted,
}

pub(super) fn run(context: &Context, args: RunArgs) -> anyhow::Result<Exit> {
    let RunArgs { name, task, inputs, out, id, timeout, data, output } = args;
    let settings = context.settings(|o| o.data_dir = data)?;
    if task == TaskName::Version && !inputs.is_empty() {
        return Err(Failure::usage("`--task version` takes no inputs").into());
    }
    let kwargs = inputs.kwargs(task)?;
    let catalog = config::load_valid(&Sources::files(context.models_folder(&settings)?))?;
    let model = catalog.find(&name.to_string())?.clone();
    keep_private(context.printer(), &settings)?;
    if let Some(note) = isolation_note(&settings, std::iter::once(&model)) {
        context.printer().warn(note);
    }
    let chosen = id.is_some();
    let id = id.unwrap_or_else(JobId::random);
    if task == TaskName::Sim {
        out.check_early(&name, &id)?;
    }
    let folder = settings.data_dir.value.join("runs").join(id.as_str());
    // Other users of this machine can reach the port too.
    let token = SecretString::from(uuid::Uuid::new_v4().to_string());
    let steps = Arc::new(Steps { printer: context.printer(), latest: Mutex::default() });
    let config = stack_config(
        &settings,
        Differences {
            catalogue: Catalogue::fixed([model.clone()]),
            data_dir: folder.clone(),
            listen: ([127, 0, 0, 1], 0).into(),
            tokens: Tokens::fixed(&token),
            progress: Arc::clone(&steps) as _,
        },
    )?;
    let request = SubmitRequest {
        task_name: task.as_str().to_owned(),
        task_kwargs: kwargs,
        task_id: Some(id.clone()),
        tag: None,
    };
    let worth_reading = Arc::new(AtomicBool::new(false));
    let run = Run {
        context,
        model,
        task,
        request,
        id,
        timeout,
        out,
        format: output,
        token,
        steps,
        worth_reading: Arc::clone(&worth_reading),
    };
    let outcome = context.block_on_threads(run.go(config));
    if !chosen {
        tidy(context, &folder, worth_reading.load(Ordering::Relaxed))?;
    }
    outcome
}

struct Run<'c> {
    context: &'c Context,
    model: Model,
    task: TaskName,
    request: SubmitRequest,
    id: JobId,
    timeout: Option<Seconds>,
    out: OutArgs,
    format: Format,
    token: SecretString,
    steps: Arc<Steps>,
    /// Set when the job's log may say why it has not succeeded.
    worth_reading: Arc<AtomicBool>,
}

/// What is done at the moment to make the model ready.
struct Steps {
    printer: Printer,
    latest: Mutex<String>,
}

impl PrepareProgress for Steps {
    fn step(&self, what: &str) {
        what.clone_into(&mut self.latest.lock().unwrap_or_else(PoisonError::into_inner));
        // Where no spinner shows it, it is told line by line.
        if !self.printer.progress() {
            self.printer.note(what);
        }
    }

    fn detail(&self, line: &str) {
        tracing::debug!("{line}");
    }

    fn note(&self, line: &str) {
        self.printer.note(line);
    }
}

impl Steps {
    fn latest(&self) -> String {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Run<'_> {
    async fn go(self, config: StackConfig) -> anyhow::Result<Exit> {
        let mut signals = Signals::new()?;
        let stack = Stack::start(config).await?;
        let client = SchedulerClient::new(stack.url().clone(), Some(self.token.clone()))?;
        let outcome = match self.task {
            TaskName::Version | TaskName::Defaults => self.ask(&client, &mut signals).await,
            TaskName::Parse | TaskName::Sim => self.job(&client, &mut signals).await,
        };
        tokio::select! {
            _ = stack.stop() => {}
            () = signals.next() => {}
        }
        outcome
    }

    async fn ask(&self, client: &SchedulerClient, signals: &mut Signals) -> anyhow::Result<Exit> {
        let printer = self.context.printer();
        let progress = Progress::spinner(printer, format!("{} · {}", self.model.name, self.task));
        let limit = self.timeout.map_or(std::time::Duration::MAX, Seconds::to_duration);
        let mut answer = tokio::select! {
            answer = tokio::time::timeout(limit, client.ask(&self.model.name, &self.request)) => {
                answer.map_err(|_| self.too_late())??
            }
            () = signals.next() => return Err(Failure::interrupted("interrupted").into()),
        };
        drop(progress);
        let failed = answer.get("status") == Some(&serde_json::to_value(Outcome::Fail)?);
        if failed {
            let traceback = answer.get("traceback").and_then(Value::as_str).unwrap_or_default();
            printer.warn(traceback.trim_end());
            return Err(Failure::failed(format!("{} of {} failed", self.task, self.model.name)).into());
        }
        if let Some(fields) = answer.as_object_mut() {
            // What the scheduler adds about the call.
            fields.shift_remove("status");
            fields.shift_remove("meta");
        }
        finished::show_answer(printer, &answer, self.format)?;
        Ok(Exit::Ok)
    }

    async fn job(&self, client: &SchedulerClient, signals: &mut Signals) -> anyhow::Result<Exit> {
        client.submit(&self.model.name, &self.request).await?;
        let waited = {
            let progress = Progress::spinner(self.context.printer(), String::new());
            let limit = self.timeout.map_or(std::time::Duration::MAX, Seconds::to_duration);
            tokio::select! {
                job = tokio::time::timeout(limit, self.watch(client, &progress)) => match job {
                    Ok(job) => Waited::Ended(job?),
                    Err(_) => Waited::TimedOut,
                },
                () = signals.next() => Waited::Interrupted,
            }
        };
        match waited {
            Waited::Ended(job) => {
                self.worth_reading.store(job.status == JobStatus::Fail, Ordering::Relaxed);
                finished::show(self.context, client, job, &self.out, self.format).await
            }
            Waited::TimedOut => {
                self.worth_reading.store(true, Ordering::Relaxed);
                client.cancel(&self.id).await?;
                Err(self.too_late().into())
            }
            Waited::Interrupted => {
                client.cancel(&self.id).await?;
                Err(Failure::interrupted(format!("interrupted: job {} was cancelled", self.id)).into())
            }
        }
    }

    async fn watch(&self, client: &SchedulerClient, progress: &Progress) -> anyhow::Result<Job> {
        loop {
            let job = client.wait(&self.id, 1).await?;
            let name = &self.model.name;
            progress.message(match (job.status, &job.reason, self.model.exp_task_time) {
                (JobStatus::Pending, Some(reason), _) => match self.steps.latest() {
                    step if step.is_empty() => format!("{name} · {reason}"),
                    step => format!("{name} · {step}"),
                },
                (JobStatus::Running, _, Some(expected)) => {
                    format!("{name} · running, expected to take {expected}")
                }
                (status, ..) => format!("{name} · {}", status.as_str().to_lowercase()),
            });
            if job.status.is_final() {
                return Ok(job);
            }
        }
    }

    fn too_late(&self) -> Failure {
        let limit = self.timeout.map(|t| t.to_string()).unwrap_or_default();
        Failure::failed(format!(
            "{} of {} took longer than {limit} and was ended",
            self.task, self.model.name
        ))
    }
}

/// Drops the state of a job whose id nobody has chosen, but for a log that is worth reading.
fn tidy(context: &Context, folder: &Path, worth_reading: bool) -> anyhow::Result<()> {
    let logs = folder.join("logs");
    let has_logs = std::fs::read_dir(&logs).is_ok_and(|mut entries| entries.next().is_some());
    if worth_reading && has_logs {
        context.printer().note(format!("Its log is kept in {}", logs.display()));
        return Ok(());
    }
    match std::fs::remove_dir_all(folder) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            Err(e).with_context(|| format!("cannot remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}
