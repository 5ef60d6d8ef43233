//! What every implementation of the store decides alike.

use jiff::{SignedDuration, Timestamp};

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

/// When a job is accepted behind one that was accepted at `last`: the order of acceptance is that of the times, whatever
/// the clock does.
pub(super) fn after(last: Timestamp, now: Timestamp) -> Timestamp {
    let next = last.checked_add(SignedDuration::from_nanos(1)).unwrap_or(last);
    now.max(next)
}

/// How it is called when the arguments differ.
pub(super) const OTHER_INPUTS: &str = "other inputs";

/// The sentence of a traceback that explains, cut to what fits a table: the exception itself, how the process ended with what
/// it said last, or else the last line.
pub(super) fn reason(traceback: &str) -> Option<String> {
    let last = |text: &str| text.lines().map(str::trim).rfind(|l| !l.is_empty()).map(str::to_owned);
    let first = |text: &str| text.lines().map(str::trim).find(|l| !l.is_empty()).map(str::to_owned);
    let sentence = match (exception(traceback), traceback.split_once(LAST_LINES)) {
        (Some(exception), _) => Some(exception.to_owned()),
        (None, Some((what, printed))) => match (first(what), last(printed)) {
            // Of other ends what it was saying explains nothing.
            (Some(what), Some(printed))
                if what.starts_with("The command ") || what.contains(" before it returned a result") =>
            {
                Some(format!("{printed} ({})", what.trim_end_matches('.')))
            }
            (what, _) => what,
        },
        (None, None) => last(traceback),
    };
    Some(sentence?.chars().take(200).collect())
}

/// The first line of what was raised, below the last of the frames.
fn exception(text: &str) -> Option<&str> {
    let mut frames = text.rsplit("Traceback (most recent call last):\n");
    let below = frames.next()?;
    // Without such a line before it there are no frames.
    frames.next()?;
    below.lines().find(|line| !line.is_empty() && !line.starts_with(char::is_whitespace))
}

/// What stands before the lines that a process printed last.
const LAST_LINES: &str = "The last lines that it printed:\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_the_sentence_that_explains() {
        for (traceback, expected) in [
            ("", None),
            ("no such secret", Some("no such secret")),
            (
                "Traceback (most recent call last):\n  File \"f.py\", line 1, in g\n    x()\nValueError: bad\nsee the manual\n\n  page 3\n",
                Some("ValueError: bad"),
            ),
            (
                "Traceback (most recent call last):\n  File \"f.py\", line 1\nKeyError: 'a'\n\nDuring handling of the above exception, \
                 another exception occurred:\n\nTraceback (most recent call last):\n  File \"f.py\", line 2\nOSError: disk\n",
                Some("OSError: disk"),
            ),
            (
                "The model's process ended with 3 before it returned a result.\nThe last lines that it printed:\n  a\n  no such text\n",
                Some("no such text (The model's process ended with 3 before it returned a result)"),
            ),
            (
                "The task exceeded its memory limit: it held 2 GB, allowed are 1 GB; it was ended.\nThe last lines that it printed:\n  step 7\n",
                Some("The task exceeded its memory limit: it held 2 GB, allowed are 1 GB; it was ended."),
            ),
            (
                "End of its log:\nstep 7\n\nOOMKilled: its memory limit is 64Mi",
                Some("OOMKilled: its memory limit is 64Mi"),
            ),
        ] {
            assert_eq!(reason(traceback).as_deref(), expected, "{traceback}");
        }
    }

    #[test]
    fn times_tell_the_order_whatever_the_clock_does() {
        let last: Timestamp = "2026-01-31T00:00:00Z".parse().unwrap();
        let second = SignedDuration::from_secs(1);
        assert_eq!(after(last, last + second), last + second);
        for now in [last, last - second] {
            assert_eq!(after(last, now), last + SignedDuration::from_nanos(1));
        }
    }
}
