use jiff::Timestamp;

use crate::model::Job;
use crate::ui::Table;

/// Jobs for people.
pub(super) fn table(jobs: &[Job]) -> Table {
    let heading = ["ID", "MODEL", "TASK", "STATUS", "AGE", "TOOK", "REASON"];
    let mut table = Table::new(&heading, "No jobs");
    let now = Timestamp::now();
    for job in jobs {
        let took = job.started_at.map(|started| span(started, job.finished_at.unwrap_or(now)));
        table.row([
            job.id.to_string(),
            job.model.to_string(),
            job.task.to_string(),
            job.status.to_string(),
            span(job.created_at, now),
            took.filter(|_| job.status != crate::model::JobStatus::Pending).unwrap_or_default(),
            job.reason.clone().unwrap_or_default(),
        ]);
    }
    table
}

pub(super) fn names(jobs: &[Job]) -> Vec<String> {
    jobs.iter().map(|job| job.id.to_string()).collect()
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
