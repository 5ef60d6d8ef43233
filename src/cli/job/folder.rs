//! An attempt in a folder: the scheduler is on this machine, and takes the result from the folder if need be.

use std::collections::BTreeMap;
use std::os::fd::AsFd;
use std::path::PathBuf;

use anyhow::Context as _;
use secrecy::SecretString;
use url::Url;

use super::secrets::secret;
use super::stop::cancelled_by_sigterm;
use crate::cli::Context;
use crate::error::{Exit, Failure};
use crate::executor::{self, Delivered, JobDir, Launch, Recipient, Sinks};
use crate::model::{JobId, TaskName};

pub(super) fn run(
    context: &Context,
    id: &JobId,
    task: TaskName,
    folder: PathBuf,
    outputs_processor: Option<Url>,
) -> anyhow::Result<Exit> {
    let folder = JobDir::new(folder);
    let mut launch = folder.launch()?;
    if launch.task_id != *id || launch.task != task {
        let message = format!(
            "the folder is for job {} and task {}, not for {id} and {task}",
            launch.task_id, launch.task
        );
        return Err(Failure::usage(message).into());
    }
    let kwargs = folder.kwargs()?;
    let secrets = secrets(&launch)?;
    let token = secret("CSW_JOB_TOKEN")?.unwrap_or_default();
    let log = std::io::stdout().as_fd().try_clone_to_owned().context("cannot open the log")?;
    executor::adopt_orphans();
    let scratch = match &mut launch.confinement {
        Some(confinement) => {
            let scratch = folder.make_scratch()?;
            confinement.scratch = Some(scratch.path().to_owned());
            Some(scratch)
        }
        None => None,
    };
    context.block_on_unbroken(async {
        let cancel = cancelled_by_sigterm()?;
        let sinks = Sinks { log: Box::new(std::fs::File::from(log)), secrets, cancel };
        let result = executor::run(&launch, &kwargs, sinks).await;
        drop(scratch);
        if let Some(traceback) = &result.traceback {
            context.printer().note(traceback.trim_end());
        }
        folder.spool(&result)?;
        let Some(base) = outputs_processor else { return Ok(Exit::Ok) };
        match Recipient::new(base, token).deliver(task, result).await {
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
        if let Some(value) = secret(name)? {
            found.insert(name.clone(), value);
        }
    }
    Ok(found)
}
