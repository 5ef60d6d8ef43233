use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use super::index::Index;
use super::pages::Pages;
use super::record::{Digest, Inputs, Record};
use crate::model::{Job, JobId, JobStatus, Outcome, TaskResult};
use crate::store::rules::{self, OTHER_INPUTS, after, differs};
use crate::store::{AttemptToken, ClusterKey, Recorded, StoreError, Submission, Submitted};

/// The state that is being written: what is known, which document has it, and what differs from Redis.
#[derive(Debug)]
pub(super) struct Ledger {
    pub(super) index: Index,
    pub(super) pages: Pages,
    pub(super) changes: Changes,
    key: ClusterKey,
    next_seq: u64,
    next_rev: u64,
    /// Jobs that have ended and are remembered.
    remembered: usize,
}

/// What the operations of one batch changed.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// Records that were changed or removed.
    pub(super) touched: BTreeSet<u64>,
    /// Documents of arguments, in order: sealed, or to be deleted.
    pub(super) inputs: Vec<(JobId, Option<Vec<u8>>)>,
}

impl Changes {
    /// Of arguments that are to be written.
    pub(super) fn bytes(&self) -> usize {
        self.inputs.iter().filter_map(|(_, sealed)| sealed.as_ref()).map(Vec::len).sum()
    }
}

impl Ledger {
    /// A ledger of these records, of which none has a page yet.
    pub(super) fn new(records: Vec<Record>, key: ClusterKey, remembered: usize) -> Self {
        let mut index = Index::default();
        let mut pages = Pages::default();
        let next_rev = records.iter().map(|r| r.rev).max().map_or(0, |rev| rev + 1);
        for record in records {
            index.put(Arc::new(record));
        }
        index.all().for_each(|record| pages.place(record.seq));
        let next_seq = index.last_seq().map_or(0, |seq| seq + 1);
        Self { index, pages, changes: Changes::default(), key, next_seq, next_rev, remembered }
    }

    /// `sealed` are the arguments as their document holds them, `digest` tells them from others.
    pub(super) fn submit(
        &mut self,
        submission: Submission,
        sealed: Vec<u8>,
        digest: Digest,
        now: Timestamp,
    ) -> Result<Submitted, StoreError> {
        if let Some(record) = self.index.get(&submission.id) {
            let other_inputs = || (record.digest != digest).then_some(OTHER_INPUTS);
            return match differs(&record.job, &submission).or_else(other_inputs) {
                None => Ok(Submitted::Existing(record.job.clone())),
                Some(differs) => Err(StoreError::Conflict { id: submission.id, differs }),
            };
        }
        let Submission { id, model, task, kwargs: _, tag } = submission;
        let now = self.index.all().next_back().map_or(now, |last| after(last.job.created_at, now));
        let job = Job {
            id,
            model,
            task,
            status: JobStatus::Pending,
            reason: None,
            tag,
            attempt: 0,
            created_at: now,
            started_at: None,
            finished_at: None,
        };
        let seq = self.next_seq;
        self.next_seq += 1;
        self.pages.place(seq);
        self.changes.inputs.push((job.id.clone(), Some(sealed)));
        let inputs = Inputs::New;
        self.put(Record { seq, rev: 0, job: job.clone(), lost: 0, delivered: None, digest, inputs });
        Ok(Submitted::Created(job))
    }

    /// The job as it was started, and how many attempts were lost before.
    pub(super) fn start(&mut self, id: &JobId, now: Timestamp) -> Option<Record> {
        let mut record = self.find(id).filter(|r| r.job.status == JobStatus::Pending)?;
        record.job.attempt += 1;
        record.job.started_at = Some(now);
        record.job.reason = None;
        record.job.status = JobStatus::Running;
        self.put(record.clone());
        Some(record)
    }

    pub(super) fn requeue(&mut self, id: &JobId, attempt: u32, lost: bool, reason: &str) -> bool {
        let running = |r: &Record| r.job.status == JobStatus::Running && r.job.attempt == attempt;
        let Some(mut record) = self.find(id).filter(running) else { return false };
        record.lost += u32::from(lost);
        record.job.reason = Some(reason.to_owned());
        record.job.status = JobStatus::Pending;
        self.put(record);
        true
    }

    pub(super) fn defer(&mut self, id: &JobId, attempt: u32, reason: &str) -> bool {
        let running = |r: &Record| r.job.status == JobStatus::Running && r.job.attempt == attempt;
        let Some(mut record) = self.find(id).filter(running) else { return false };
        record.job.attempt -= 1;
        record.job.started_at = None;
        record.job.reason = Some(reason.to_owned());
        record.job.status = JobStatus::Pending;
        self.put(record);
        true
    }

    pub(super) fn set_reason(&mut self, id: &JobId, reason: Option<&str>) {
        let Some(mut record) = self.find(id) else { return };
        if record.job.status == JobStatus::Pending && record.job.reason.as_deref() != reason {
            record.job.reason = reason.map(str::to_owned);
            self.put(record);
        }
    }

    pub(super) fn record(&mut self, token: &AttemptToken, result: &TaskResult, now: Timestamp) -> Recorded {
        let Some(mut record) = self.find(&result.task_id) else { return Recorded::Fenced };
        let Some(claims) = self.key.verify(token) else { return Recorded::Fenced };
        if claims != record.claims() {
            return Recorded::Fenced;
        }
        if record.delivered == Some(claims.attempt) {
            return Recorded::Duplicate;
        }
        if record.job.status != JobStatus::Running {
            return Recorded::Fenced;
        }
        record.delivered = Some(claims.attempt);
        record.job.finished_at = Some(now);
        record.job.reason = result.traceback.as_deref().and_then(rules::reason);
        record.job.status = match result.status {
            Outcome::Success => JobStatus::Success,
            Outcome::Fail => JobStatus::Fail,
        };
        self.end(record);
        Recorded::Accepted
    }

    pub(super) fn cancel(&mut self, id: &JobId, reason: &str, now: Timestamp) -> Option<Job> {
        let mut record = self.find(id)?;
        if !record.job.status.is_final() {
            record.job.reason = Some(reason.to_owned());
            record.job.status = JobStatus::Cancelled;
            record.job.finished_at = Some(now);
            self.end(record.clone());
        }
        Some(record.job)
    }

    pub(super) fn remove(&mut self, ids: &[JobId]) -> Vec<JobId> {
        let mut removed = Vec::new();
        for id in ids {
            let Some(record) = self.index.get(id).filter(|r| r.job.status.is_final()) else { continue };
            let seq = record.seq;
            self.forget(seq);
            removed.push(id.clone());
        }
        removed
    }

    /// Takes the changes as written; those of the records that are left are in their final form now.
    pub(super) fn settle(&mut self) -> BTreeSet<u64> {
        self.pages.written();
        let Changes { touched, inputs: _ } = std::mem::take(&mut self.changes);
        for seq in &touched {
            // The document learns of it with the page's next change: until then it says what may be, which is true.
            if let Some(settled) = self.index.at(*seq).and_then(|r| r.settled()) {
                self.index.put(Arc::new(settled));
            }
        }
        touched
    }

    fn find(&self, id: &JobId) -> Option<Record> {
        self.index.get(id).map(|r| Record::clone(r))
    }

    fn put(&mut self, mut record: Record) {
        record.rev = self.next_rev;
        self.next_rev += 1;
        self.pages.touch(record.seq);
        self.changes.touched.insert(record.seq);
        self.index.put(Arc::new(record));
    }

    /// The job has ended: nobody needs its arguments any more.
    fn end(&mut self, mut record: Record) {
        record.inputs = Inputs::Leaving;
        self.changes.inputs.push((record.job.id.clone(), None));
        self.put(record);
        if let Some(oldest) = self.index.too_many(self.remembered) {
            self.forget(oldest);
        }
    }

    fn forget(&mut self, seq: u64) {
        self.index.remove(seq);
        self.pages.take_out(seq);
        self.changes.touched.insert(seq);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::TaskName;

    fn key() -> ClusterKey {
        ClusterKey::new(&"0123456789abcdef0123456789abcdef".to_owned().into()).unwrap()
    }

    fn run(ledger: &mut Ledger, id: &str, second: i64) {
        let submission = Submission {
            id: id.parse().unwrap(),
            model: "Examples/Echo".parse().unwrap(),
            task: TaskName::Sim,
            kwargs: crate::model::TaskKwargs::new(),
            tag: None,
        };
        let now = Timestamp::from_second(second).unwrap();
        let digest = Digest::of(&submission.kwargs);
        ledger.submit(submission, Vec::new(), digest, now).unwrap();
        ledger.cancel(&id.parse().unwrap(), "asked for", now).unwrap();
    }

    #[test]
    fn only_so_many_that_have_ended_are_remembered() {
        let mut ledger = Ledger::new(Vec::new(), key(), 2);
        for (id, second) in [("a", 3), ("b", 1), ("c", 2)] {
            run(&mut ledger, id, second);
        }
        let known =
            |ledger: &Ledger| -> Vec<String> { ledger.index.all().map(|r| r.job.id.to_string()).collect() };
        assert_eq!(known(&ledger), ["a", "c"], "the first to end goes first");
        assert_eq!(ledger.changes.touched.len(), 3);
        ledger.settle();
        assert!(ledger.index.all().all(|r| r.inputs == Inputs::Gone));
        // The same holds for one that takes over.
        let records = ledger.index.all().map(|r| Record::clone(r)).collect();
        let mut ledger = Ledger::new(records, key(), 2);
        run(&mut ledger, "d", 4);
        assert_eq!(known(&ledger), ["a", "d"]);
        assert_eq!(ledger.index.counts().cancelled, 2);
    }
}
