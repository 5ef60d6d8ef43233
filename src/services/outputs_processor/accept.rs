use serde_json::Value;

use super::admission::Admitted;
use super::{OutputsProcessor, Refusal};
use crate::model::{JobId, Outcome, TaskName, TaskResult};
use crate::outputs::{Outputs, OutputsError, Packed, Pointer};
use crate::store::{AttemptToken, Recorded};

/// Stores a simulation's outputs for the attempt that the token belongs to; the answer goes into the result's
/// `outputs`. Nothing is recorded yet.
///
/// # Errors
/// When the token is not the current attempt's, or the bucket doesn't take the outputs.
pub async fn write(
    state: &OutputsProcessor,
    token: &AttemptToken,
    id: &JobId,
    outputs: Outputs,
) -> Result<Pointer, Refusal> {
    let packed = tokio::task::spawn_blocking(move || Packed::of(outputs)).await;
    let packed = packed.map_err(|e| Refusal::Invalid(format!("the outputs can't be packed: {e}")))??;
    store(state, token, id, packed).await
}

/// [`write()`] of what is packed already.
pub(super) async fn store(
    state: &OutputsProcessor,
    token: &AttemptToken,
    id: &JobId,
    packed: Packed,
) -> Result<Pointer, Refusal> {
    let _alone = state.writing(id).await;
    match state.admit_writer(id, token).await? {
        Admitted { is_current: false, .. } => Err(Refusal::Fenced { id: id.clone() }),
        Admitted { task: TaskName::Sim, .. } => {
            let stored = state.bucket.store(id, packed).await;
            state.noticed(&stored);
            Ok(stored?)
        }
        Admitted { task, .. } => {
            Err(Refusal::Invalid(format!("job {id} is a {task}: only a sim has outputs to store")))
        }
    }
}

/// Records a result whose outputs are stored, durably; where there is a web app, it gets the result soon.
///
/// # Errors
/// When the token was never one of the job's, the result is not what the job is to have, or the store fails. A result
/// of an older attempt is no error but [`Recorded::Fenced`], one that is known already [`Recorded::Duplicate`].
pub async fn accept(
    state: &OutputsProcessor,
    token: &AttemptToken,
    task: TaskName,
    result: TaskResult,
) -> Result<Recorded, Refusal> {
    let id = result.task_id.clone();
    let admitted = state.admit(&id, token).await?;
    if admitted.is_current {
        if admitted.task != task {
            return Err(Refusal::Invalid(format!("job {id} is a {}, not a {task}", admitted.task)));
        }
        check(&result, task)?;
    }
    state.record(token, result).await
}

/// Whether a result carries what its status and task call for. A job points to its own files only.
fn check(result: &TaskResult, task: TaskName) -> Result<(), Refusal> {
    let id = &result.task_id;
    match (result.status, task, &result.outputs) {
        (Outcome::Fail, _, _) if result.traceback.is_none() => {
            Err(Refusal::Invalid("a result with FAIL must have a `traceback`".into()))
        }
        (Outcome::Fail, _, _) => Ok(()),
        (Outcome::Success, _, None) => {
            Err(Refusal::Invalid("a result with SUCCESS must have `outputs`".into()))
        }
        (Outcome::Success, TaskName::Sim, Some(outputs)) => {
            let pointer: Pointer = serde::Deserialize::deserialize(outputs).map_err(|e| {
                Refusal::Invalid(format!("`outputs` of a sim must be what /write/ answered: {e}"))
            })?;
            if pointer.belongs_to(id) {
                Ok(())
            } else {
                Err(Refusal::Invalid(format!("`outputs` do not point to the files of job {id}")))
            }
        }
        (Outcome::Success, _, Some(_)) => Ok(()),
    }
}

/// Stores and records a result as the executor left it behind, with the outputs themselves in it: what `/write/`
/// and `/push/` do together. Outputs that no retry can make valid become a FAIL result.
///
/// # Errors
/// As [`write()`] and [`accept`].
pub async fn accept_spooled(
    state: &OutputsProcessor,
    token: &AttemptToken,
    mut result: TaskResult,
) -> Result<Recorded, Refusal> {
    let id = result.task_id.clone();
    let task = state.admit(&id, token).await?.task;
    if task == TaskName::Sim
        && result.status == Outcome::Success
        && let Some(outputs) = result.outputs.take()
    {
        match store_raw(state, token, &id, outputs).await {
            Ok(pointer) => result.outputs = Some(pointer),
            // Known already or outdated: the store tells which of them.
            Err(Refusal::Fenced { .. }) => return state.record(token, result).await,
            Err(Refusal::Outputs(e @ OutputsError::Invalid { .. })) => {
                result.status = Outcome::Fail;
                result.version = None;
                result.traceback = Some(e.to_string());
            }
            Err(e) => return Err(e),
        }
    }
    accept(state, token, task, result).await
}

async fn store_raw(
    state: &OutputsProcessor,
    token: &AttemptToken,
    id: &JobId,
    outputs: Value,
) -> Result<Value, Refusal> {
    let pointer = write(state, token, id, Outputs::from_json(outputs)?).await?;
    serde_json::to_value(pointer).map_err(|e| Refusal::Invalid(e.to_string()))
}
