use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use clap::Args;

use crate::cli::Context;
use crate::services::client::{ClientError, SchedulerClient};

/// Which scheduler.
#[derive(Debug, Args)]
pub(super) struct SchedulerArgs {
    /// Where the scheduler is [env: CSW_SCHEDULER] [default: http://127.0.0.1:8888]
    #[arg(long, value_name = "URL")]
    scheduler: Option<String>,
}

impl SchedulerArgs {
    /// Whether a flag names one.
    pub(super) fn is_given(&self) -> bool {
        self.scheduler.is_some()
    }

    pub(super) fn client(self, context: &Context) -> anyhow::Result<SchedulerClient> {
        let settings = context.settings(|o| o.scheduler = self.scheduler)?;
        Ok(SchedulerClient::new(settings.scheduler.value, settings.scheduler_token.value)?)
    }
}

/// Repeats a request that is safe to repeat for up to two minutes while the scheduler can't be reached or asks for
/// patience: it may be in the middle of a restart.
pub(super) async fn patiently<T, F>(request: impl FnMut() -> F) -> Result<T, ClientError>
where
    F: Future<Output = Result<T, ClientError>>,
{
    let policy = ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(50))
        .with_max_delay(Duration::from_secs(2))
        .with_total_delay(Some(Duration::from_secs(120)))
        .without_max_times()
        .with_jitter();
    request.retry(policy).when(ClientError::is_passing).await
}
