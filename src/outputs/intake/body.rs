use std::io::{self, BufRead};

use super::json::{Broken, Json};
use super::list::read_outputs;
use crate::model::JobId;
use crate::outputs::{OutputsError, Packed};

/// Why a body brought no outputs.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// It is no JSON, or lacks something.
    #[error("invalid body: {0}")]
    Invalid(String),
    /// It broke off.
    #[error("the body did not arrive: {0}")]
    Incomplete(io::Error),
    /// The outputs are not valid, or can't be packed.
    #[error(transparent)]
    Outputs(#[from] OutputsError),
}

impl From<Broken> for IntakeError {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Invalid(what) => Self::Invalid(what),
            Broken::Source(e) => Self::Incomplete(e),
            Broken::Sink(e) => {
                OutputsError::Pack { object: "a zip file".into(), reason: e.to_string() }.into()
            }
        }
    }
}

/// Reads `{task_id, outputs}`, in whatever order, and packs the outputs on the way. What is not in memory is in files
/// without a name, which are gone when this program is. `large` says that an output may have more than a gigabyte.
///
/// # Errors
/// Every problem of every output is named, as by [`Outputs::from_json`](crate::outputs::Outputs::from_json).
pub fn read_written(from: impl BufRead, large: bool) -> Result<(JobId, Packed), IntakeError> {
    let mut json = Json::new(from);
    let (mut id, mut outputs) = (None, None);
    json.object(|json, key| {
        match key.as_str() {
            "task_id" if json.peek()? == b'"' => {
                let text = json.short_string()?;
                id = Some(text.parse::<JobId>().map_err(|e| Broken::Invalid(e.to_string()))?);
            }
            "task_id" => {
                let kind = json.skip()?;
                return Err(Broken::Invalid(format!("`task_id` must be text, it is {kind}")));
            }
            "outputs" => outputs = Some(read_outputs(json, large)?),
            _ => drop(json.skip()?),
        }
        Ok(())
    })?;
    json.end()?;
    let missing = |field: &str| IntakeError::Invalid(format!("missing field `{field}`"));
    let id = id.ok_or_else(|| missing("task_id"))?;
    let packed = outputs.ok_or_else(|| missing("outputs"))??;
    Ok((id, packed))
}
