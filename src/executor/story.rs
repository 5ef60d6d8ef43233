//! What a model's author reads when there is no traceback of Python to read.

use std::io;
use std::path::Path;

use super::Launch;
use super::process::{Ended, describe};
use super::python::RESULT_LIMIT;

/// Why the model's program can't be started.
pub(super) fn cannot_start(launch: &Launch, program: &Path, error: &io::Error) -> String {
    let program = program.display();
    if !launch.workdir.is_dir() {
        return format!("The model's folder {} does not exist.\n", launch.workdir.display());
    }
    match error.kind() {
        io::ErrorKind::NotFound => format!(
            "The model's program `{program}` was not found. Install it, or name another one in the model's file.\n"
        ),
        _ => format!("The model's program `{program}` can't be started: {error}.\n"),
    }
}

/// Why a result was refused for its size.
pub(super) fn too_large(size: u64) -> String {
    format!(
        "The result has {} MiB as JSON; more than {} MiB can't be stored.\n",
        size >> 20,
        RESULT_LIMIT >> 20
    )
}

/// How a process ended that gave no answer, with the last lines that it printed.
pub(super) fn ending<T>(ended: &Ended<T>, tail: &str) -> String {
    let what = match ended {
        Ended::Done(_) => "The model's process gave no result.".to_owned(),
        Ended::Exited(status) => {
            format!("The model's process ended {} before it returned a result.", describe(*status))
        }
        Ended::Silent => {
            "The model's process closed its connection to csw without a result, and was ended.".to_owned()
        }
        Ended::OutOfTime(limit) => {
            format!("The task exceeded its time limit of {} s and was ended.", limit.as_secs_f64())
        }
        Ended::OutOfMemory { held, limit } => format!(
            "The task exceeded its memory limit: it held {}, allowed are {}; it was ended.",
            size(*held),
            size(*limit)
        ),
        Ended::Cancelled => "The task was ended because csw was asked to stop (SIGTERM).".to_owned(),
    };
    with_tail(what, tail)
}

/// A sentence, and what the model printed last.
pub(super) fn with_tail(mut what: String, tail: &str) -> String {
    what.push('\n');
    if !tail.is_empty() {
        what.push_str("The last lines that it printed:\n");
        for line in tail.lines() {
            what.push_str("  ");
            what.push_str(line);
            what.push('\n');
        }
    }
    what
}

/// A failure, with what may be behind it where the model was kept from something.
pub(super) fn explained(launch: &Launch, mut text: String) -> String {
    const REFUSALS: [&str; 4] = ["ermission denied", "PermissionError", "EACCES", "ead-only file system"];
    if let Some(confinement) = &launch.confinement
        && REFUSALS.iter().any(|refusal| text.contains(refusal))
    {
        if !text.ends_with('\n') {
            text.push('\n');
        }
        let level = confinement.level;
        text.push_str(&format!(
            "The model runs with `isolation: {level}`: it reads its repository and its environment, and writes below \
             TMPDIR and HOME alone. `reads: [PATH]` and `writes: [PATH]` in its file allow it more.\n"
        ));
    }
    text
}

/// A sentence, and the longer story below it.
pub(super) fn with_cause(what: String, cause: &str) -> String {
    format!("{what}\n{cause}")
}

fn size(bytes: u64) -> String {
    if bytes >= 10_000_000_000 {
        format!("{:.1} GB", bytes as f64 / 1e9)
    } else {
        format!("{:.0} MB", (bytes as f64 / 1e6).max(1.0))
    }
}
