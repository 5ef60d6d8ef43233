use super::RedisConfig;
use super::document::inputs_key;
use super::link::Link;
use crate::error::{Diagnose, Exit};
use crate::model::{JobId, TaskKwargs};
use crate::store::{SealKey, StoreError};

/// Why an executor has no arguments for its job.
#[derive(Debug, thiserror::Error)]
pub enum InputsError {
    /// They are not there: the job has ended meanwhile, or Redis lost its data.
    #[error("the inputs of job {id} are not in Redis (any more)")]
    Missing {
        /// The job.
        id: JobId,
    },
    /// They can't be opened.
    #[error("the inputs of job {id} in Redis are damaged, or sealed with another key than the job was given")]
    Unreadable {
        /// The job.
        id: JobId,
    },
    /// Redis can't be asked.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Diagnose for InputsError {
    fn exit(&self) -> Exit {
        match self {
            Self::Missing { .. } | Self::Unreadable { .. } => Exit::Config,
            Self::Store(e) => e.exit(),
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Missing { .. } | Self::Unreadable { .. } => {
                vec!["Submit the simulation again".to_owned()]
            }
            Self::Store(e) => e.hints(),
        }
    }
}

/// The arguments of a job, for its executor: reads `job-<id>` and opens it with the job's own key. Waits for a Redis that
/// is away as long as the configuration says.
///
/// # Errors
/// When they are not there, can't be opened, or Redis can't be asked.
pub async fn fetch_inputs(
    config: &RedisConfig,
    id: &JobId,
    key: &SealKey,
) -> Result<TaskKwargs, InputsError> {
    let name = inputs_key(id);
    let sealed = Link::new(config.clone()).get(&name).await?;
    let sealed = sealed.ok_or_else(|| InputsError::Missing { id: id.clone() })?;
    let unreadable = || InputsError::Unreadable { id: id.clone() };
    let text = key.open(&name, &sealed).map_err(|_| unreadable())?;
    serde_json::from_slice(&text).map_err(|_| unreadable())
}
