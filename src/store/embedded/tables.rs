use redb::TableDefinition;

use crate::model::JobStatus;

/// The file's format; raised when an older csw could not read what a newer one writes.
pub(super) const FORMAT: u64 = 2;
/// The format in which tokens stand as they are.
pub(super) const EARLY_FORMAT: u64 = 1;

/// Name of a number about the store → the number. `format`, and a count for each status.
pub(super) const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
/// Sequence number of acceptance → the job's record.
pub(super) const JOBS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("jobs");
/// Job id → sequence number.
pub(super) const IDS: TableDefinition<'_, &str, u64> = TableDefinition::new("ids");
/// Sequence number → the arguments, which no change of state rewrites.
pub(super) const KWARGS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("kwargs");
/// Sequence number → the result.
pub(super) const RESULTS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("results");
/// (Status, sequence number): the queue is the range of PENDING. A job that is put back finds its old place,
/// because its number never changes.
pub(super) const BY_STATUS: TableDefinition<'_, (u8, u64), ()> = TableDefinition::new("by_status");
/// (Model, sequence number) of each PENDING job: the queue of one model.
pub(super) const QUEUES: TableDefinition<'_, (&str, u64), ()> = TableDefinition::new("queues");
/// Order of pushing → the push.
pub(super) const PUSHES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("pushes");
/// Sequence number → why the web app refused the result for good, as JSON.
pub(super) const DEAD_LETTERS: TableDefinition<'_, u64, &str> = TableDefinition::new("dead_letters");

/// Id of a job that was cancelled before anything was known of it → when, in Unix seconds.
pub(super) const TOMBSTONES: TableDefinition<'_, &str, i64> = TableDefinition::new("tombstones");

/// The status in a key of [`BY_STATUS`].
pub(super) fn code(status: JobStatus) -> u8 {
    match status {
        JobStatus::Pending => 0,
        JobStatus::Running => 1,
        JobStatus::Success => 2,
        JobStatus::Fail => 3,
        JobStatus::Cancelled => 4,
    }
}

/// Every status, in the order of [`code`].
pub(super) const STATUSES: [JobStatus; 5] =
    [JobStatus::Pending, JobStatus::Running, JobStatus::Success, JobStatus::Fail, JobStatus::Cancelled];
