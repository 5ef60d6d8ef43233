//! What every implementation of the store decides alike.

use super::Submission;
use crate::model::Job;

/// In what a submission differs from the job that has its id, its arguments aside.
pub(super) fn differs(job: &Job, submission: &Submission) -> Option<&'static str> {
    if job.model != submission.model {
        Some("another model")
    } else if job.task != submission.task {
        Some("another task")
    } else if job.tag != submission.tag {
        Some("another tag")
    } else {
        None
    }
}

/// How it is called when the arguments differ.
pub(super) const OTHER_INPUTS: &str = "other inputs";

/// The line of a traceback that says most, cut to what fits a table.
pub(super) fn last_line(traceback: &str) -> Option<String> {
    let line = traceback.lines().map(str::trim).rfind(|l| !l.is_empty())?;
    let short: String = line.chars().take(200).collect();
    Some(short)
}
