use jiff::Timestamp;
use serde::Serialize;

use crate::job::EndCause;
use crate::job::kubernetes::ClusterJob;
use crate::model::{Job, JobStatus};
use crate::ui::{Format, Printer, Table, sentence};

/// A job that can be shown.
pub(super) trait Row: Serialize {
    /// Whether it is told where a job runs.
    const PLACED: bool;
    fn job(&self) -> &Job;
    fn node(&self) -> Option<&str>;
    /// What keeps it from ever starting, where that is known.
    fn hindrance(&self) -> Option<&EndCause> {
        None
    }
}

impl Row for Job {
    const PLACED: bool = false;

    fn job(&self) -> &Job {
        self
    }

    fn node(&self) -> Option<&str> {
        None
    }
}

impl Row for ClusterJob {
    const PLACED: bool = true;

    fn job(&self) -> &Job {
        &self.job
    }

    fn node(&self) -> Option<&str> {
        self.node.as_deref()
    }

    fn hindrance(&self) -> Option<&EndCause> {
        self.hindrance.as_ref().map(|h| &h.cause)
    }
}

/// The same, with the whole of each reason that is too long for a cell below the table.
pub(super) fn show_whole<R: Row>(printer: Printer, format: Format, jobs: &[R]) -> anyhow::Result<()> {
    let names = |jobs: &&[R]| jobs.iter().map(|row| row.job().id.to_string()).collect();
    let whole = |jobs: &&[R]| {
        let mut table = table(jobs);
        for job in jobs.iter().map(Row::job) {
            if let Some(reason) = job.reason.as_deref().filter(|reason| sentence(reason) != *reason) {
                table.note(format!("{}: {reason}", job.id));
            }
        }
        table
    };
    printer.view(format, &jobs, whole, names)
}

/// Writes jobs to stdout.
pub(super) fn show<R: Row>(printer: Printer, format: Format, jobs: &[R]) -> anyhow::Result<()> {
    let names = |jobs: &&[R]| jobs.iter().map(|row| row.job().id.to_string()).collect();
    printer.view(format, &jobs, |jobs| table(jobs), names)
}

pub(super) fn table<R: Row>(jobs: &[R]) -> Table {
    let mut heading = vec!["ID", "MODEL", "TASK", "STATUS", "AGE", "TOOK"];
    if R::PLACED {
        heading.extend(["ATTEMPT", "NODE"]);
    }
    heading.push("REASON");
    let mut table = Table::new(&heading, "No jobs");
    let now = Timestamp::now();
    for row in jobs {
        let job = row.job();
        let took = job.started_at.map(|started| span(started, job.finished_at.unwrap_or(now)));
        let mut cells = vec![
            job.id.to_string(),
            job.model.to_string(),
            job.task.to_string(),
            job.status.to_string(),
            span(job.created_at, now),
            took.filter(|_| job.status != JobStatus::Pending).unwrap_or_default(),
        ];
        if R::PLACED {
            cells.extend([job.attempt.to_string(), row.node().unwrap_or_default().to_owned()]);
        }
        cells.push(job.reason.as_deref().map(sentence).unwrap_or_default());
        table.row(cells);
    }
    table
}

/// A span of time in its two largest units.
fn span(from: Timestamp, to: Timestamp) -> String {
    let seconds = to.duration_since(from).as_secs().max(0);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{}h{:02}m", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{}d{:02}h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}
