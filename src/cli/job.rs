//! `csw job`

use std::collections::BTreeMap;
use std::os::fd::AsFd;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use secrecy::SecretString;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::Context;
use crate::error::{Exit, Failure};
use crate::executor::{self, Delivered, JobDir, Launch, Sinks};
use crate::model::{JobId, TaskName};

/// Run one task of a model and post its result
///
/// Started by the scheduler, once for every attempt of a job. Works in the folder that CSW_JOB_DIR names:
/// launch.json and kwargs.json say what to run; result.json is written before the result is posted to the outputs
/// processor at CSW_OUTPUTS_PROCESSOR. The model's output goes to stdout.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  CSW_JOB_DIR=$PWD/attempt csw job --job-id run-1 --route-name sim")]
pub(super) struct JobArgs {
    /// The job's id
    #[arg(short = 't', long, value_name = "ID")]
    job_id: JobId,

    /// What is asked of the model
    #[arg(short, long, value_enum, value_name = "TASK")]
    route_name: TaskName,

    /// Folder of the attempt
    #[arg(long, env = "CSW_JOB_DIR", value_name = "DIR")]
    job_dir: PathBuf,

    /// Base URL of the outputs processor; without one the result stays in the folder
    #[arg(long, env = "CSW_OUTPUTS_PROCESSOR", value_name = "URL")]
    outputs_processor: Option<Url>,
}

pub(super) fn run(context: &Context, args: JobArgs) -> anyhow::Result<Exit> {
    let JobArgs { job_id, route_name, job_dir, outputs_processor } = args;
    let folder = JobDir::new(job_dir);
    let launch = folder.launch()?;
    if launch.task_id != job_id || launch.task != route_name {
        let message = format!(
            "the folder is for job {} and task {}, not for {job_id} and {route_name}",
            launch.task_id, launch.task
        );
        return Err(Failure::usage(message).into());
    }
    let kwargs = folder.kwargs()?;
    let secrets = secrets(&launch)?;
    let token = SecretString::from(std::env::var("CSW_JOB_TOKEN").unwrap_or_default());
    let log = std::io::stdout().as_fd().try_clone_to_owned().context("cannot open the log")?;
    executor::adopt_orphans();
    context.block_on(async {
        let cancel = cancelled_by_sigterm()?;
        let sinks = Sinks { log: Box::new(std::fs::File::from(log)), secrets, cancel };
        let result = executor::run(&launch, &kwargs, sinks).await;
        if let Some(traceback) = &result.traceback {
            context.printer().note(traceback.trim_end());
        }
        folder.spool(&result)?;
        let Some(base) = outputs_processor else { return Ok(Exit::Ok) };
        match executor::deliver(&base, &token, route_name, result).await {
            Ok(Delivered::Taken | Delivered::Fenced) => {}
            // The result is safe: the scheduler takes it from the folder.
            Err(e) => context.printer().warn(format!("csw: {e}; it is kept in the job's folder")),
        }
        Ok(Exit::Ok)
    })
}

fn secrets(launch: &Launch) -> anyhow::Result<BTreeMap<String, SecretString>> {
    let mut found = BTreeMap::new();
    for name in &launch.secret_names {
        match std::env::var(name) {
            Ok(value) => drop(found.insert(name.clone(), SecretString::from(value))),
            Err(std::env::VarError::NotPresent) => {}
            Err(std::env::VarError::NotUnicode(_)) => {
                return Err(Failure::config(format!("the secret {name} is not valid UTF-8")).into());
            }
        }
    }
    Ok(found)
}

fn cancelled_by_sigterm() -> anyhow::Result<CancellationToken> {
    let cancel = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    let token = cancel.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        token.cancel();
    });
    Ok(cancel)
}
