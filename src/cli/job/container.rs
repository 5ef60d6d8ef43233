//! An attempt in a container of the model's image: nothing outlives it but what was delivered.

use std::collections::BTreeMap;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::secrets::{secret, variable};
use super::stop::cancelled_by_sigterm;
use crate::cli::Context;
use crate::error::{Exit, Failure};
use crate::executor::{self, Delivered, ImageModel, Launch, Recipient, Sinks};
use crate::model::{JobId, ModelName, Outcome, TaskKwargs, TaskName, TaskResult};
use crate::store::{InputsError, RedisConfig, RedisUser, SealKey, fetch_inputs};

/// How long Redis and the outputs processor are waited for: longer than either takes to be moved to another node.
const PATIENCE: Duration = Duration::from_secs(600);

/// Everything that the container was started with.
struct Attempt {
    launch: Launch,
    secrets: BTreeMap<String, SecretString>,
    recipient: Recipient,
    redis: RedisConfig,
    key: SealKey,
}

pub(super) fn run(
    context: &Context,
    id: JobId,
    task: TaskName,
    model_file: &Path,
    outputs_processor: Option<Url>,
) -> anyhow::Result<Exit> {
    let attempt = Attempt::from_environment(id, task, model_file, outputs_processor)?;
    let log = std::io::stdout().as_fd().try_clone_to_owned().context("cannot open the log")?;
    executor::adopt_orphans();
    context.block_on_unbroken(async {
        let cancel = cancelled_by_sigterm()?;
        let fetched = tokio::select! {
            fetched = attempt.fetch() => fetched?,
            () = cancel.cancelled() => return Ok(ended_from_outside(context)),
        };
        let result = match fetched {
            Fetched::NotWanted => {
                context.printer().note("csw: no result of this attempt is wanted (any more)");
                return Ok(Exit::Ok);
            }
            Fetched::Inputs(kwargs) => {
                let sinks = Sinks {
                    log: Box::new(std::fs::File::from(log)),
                    secrets: attempt.secrets.clone(),
                    cancel: cancel.clone(),
                };
                executor::run(&attempt.launch, &kwargs, sinks).await
            }
            Fetched::Failed(why) => TaskResult::failure(attempt.launch.task_id.clone(), why),
        };
        attempt.finish(context, result, &cancel).await
    })
}

/// What there is to run.
enum Fetched {
    NotWanted,
    Inputs(TaskKwargs),
    Failed(String),
}

impl Attempt {
    fn from_environment(
        id: JobId,
        task: TaskName,
        model_file: &Path,
        outputs_processor: Option<Url>,
    ) -> anyhow::Result<Self> {
        let missing = |name: &str| {
            Failure::config(format!("{name} is not set"))
                .hint(format!("Set {name}, as the scheduler does; or CSW_JOB_DIR to run a job in a folder"))
        };
        let model = ImageModel::read(model_file)?;
        check_model(&model.model)?;
        let base = outputs_processor.ok_or_else(|| missing("CSW_OUTPUTS_PROCESSOR"))?;
        let token = secret("CSW_JOB_TOKEN")?.ok_or_else(|| missing("CSW_JOB_TOKEN"))?;
        let key = secret("CSW_JOB_KEY")?.ok_or_else(|| missing("CSW_JOB_KEY"))?;
        let key = SealKey::from_text(&key).ok_or_else(|| Failure::config("CSW_JOB_KEY holds no key"))?;
        let redis = RedisConfig::from_variables(RedisUser::Executor, |name| std::env::var(name).ok())?
            .with_patience(PATIENCE);
        let names = variable("CSW_SECRET_NAMES")?.unwrap_or_default();
        let names: Vec<String> =
            names.split([',', ' ']).filter(|name| !name.is_empty()).map(str::to_owned).collect();
        // What is no UTF-8 is nothing that a manifest could have set.
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        let (mut launch, secrets) = model.launch(id, task, &names, variables);
        launch.time_limit_seconds = time_limit()?;
        Ok(Self {
            launch,
            secrets,
            recipient: Recipient::new(base, token).with_patience(PATIENCE),
            redis,
            key,
        })
    }

    async fn fetch(&self) -> anyhow::Result<Fetched> {
        let id = &self.launch.task_id;
        if !self.recipient.wants(id).await? {
            return Ok(Fetched::NotWanted);
        }
        match fetch_inputs(&self.redis, id, &self.key).await {
            Ok(kwargs) => Ok(Fetched::Inputs(kwargs)),
            Err(InputsError::Store(e)) => Err(e.into()),
            Err(e @ (InputsError::Missing { .. } | InputsError::Unreadable { .. })) => {
                let model = &self.launch.model;
                Ok(Fetched::Failed(format!("{model} was not started: {e}. Submit the simulation again.\n")))
            }
        }
    }

    async fn finish(
        &self,
        context: &Context,
        result: TaskResult,
        cancel: &CancellationToken,
    ) -> anyhow::Result<Exit> {
        // A failure while this process is being ended is what being ended looks like from inside: the pod's successor
        // runs the task again. A success counts, whatever happens around it.
        if cancel.is_cancelled() && result.status == Outcome::Fail {
            return Ok(ended_from_outside(context));
        }
        if let Some(traceback) = &result.traceback {
            context.printer().note(traceback.trim_end());
        }
        match self.recipient.deliver_or_fail(self.launch.task, result).await? {
            Delivered::Taken => {}
            Delivered::Fenced => context.printer().note("csw: the result is not wanted (any more)"),
        }
        Ok(Exit::Ok)
    }
}

/// An image of one model can't run the jobs of another.
fn check_model(found: &ModelName) -> anyhow::Result<()> {
    if let (Some(owner), Some(title)) = (variable("OWNER")?, variable("TITLE")?)
        && (found.owner(), found.title()) != (owner.as_str(), title.as_str())
    {
        let message = format!("the image has the model {found}, and the job is one of {owner}/{title}");
        return Err(Failure::config(message).hint("Build and push the model's image again").into());
    }
    Ok(())
}

fn time_limit() -> anyhow::Result<Option<f64>> {
    let Some(text) = variable("CSW_TIME_LIMIT")?.filter(|text| !text.trim().is_empty()) else {
        return Ok(None);
    };
    match text.trim().parse::<f64>() {
        Ok(seconds) if seconds > 0.0 && seconds.is_finite() => Ok(Some(seconds)),
        _ => Err(Failure::config(format!("CSW_TIME_LIMIT is `{text}`; expected seconds, above 0")).into()),
    }
}

fn ended_from_outside(context: &Context) -> Exit {
    context.printer().warn("csw: ended from outside before there was a result; another attempt may be made");
    Exit::Failed
}
