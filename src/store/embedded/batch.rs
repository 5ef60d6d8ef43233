use jiff::Timestamp;
use redb::{ReadableTable, Table, WriteTransaction};

use super::codec::{DeadLetter, QueuedPush, Record, TokenDigest, decode, encode, failed};
use super::signing::Signing;
use super::tables::{self, STATUSES, code};
use super::writer::Refusal;
use crate::model::{Job, JobId, JobStatus, Outcome, TaskResult};
use crate::store::rules::{self, OTHER_INPUTS, after, differs};
use crate::store::{
    AttemptToken, Counts, PushOutcome, Recorded, RunningAttempt, StartedAttempt, StoreError, Submission,
    Submitted,
};

/// The open tables of one transaction, and what each operation does to them.
pub(super) struct Batch<'t> {
    meta: Table<'t, &'static str, u64>,
    jobs: Table<'t, u64, &'static [u8]>,
    ids: Table<'t, &'static str, u64>,
    kwargs: Table<'t, u64, &'static [u8]>,
    pub(super) results: Table<'t, u64, &'static [u8]>,
    by_status: Table<'t, (u8, u64), ()>,
    queues: Table<'t, (&'static str, u64), ()>,
    pushes: Table<'t, u64, &'static [u8]>,
    pub(super) dead_letters: Table<'t, u64, &'static str>,
    pub(super) tombstones: Table<'t, &'static str, i64>,
    before: Counts,
    counts: Counts,
    next_seq: u64,
    /// When the job was accepted that is behind all others, once that was asked for.
    last_created: Option<Timestamp>,
    next_push: u64,
}

impl<'t> Batch<'t> {
    pub(super) fn open(transaction: &'t WriteTransaction) -> Result<Self, StoreError> {
        let meta = transaction.open_table(tables::META).map_err(failed)?;
        let jobs = transaction.open_table(tables::JOBS).map_err(failed)?;
        let pushes = transaction.open_table(tables::PUSHES).map_err(failed)?;
        let counts = read_counts(&meta)?;
        let next_seq = next_key(&jobs)?;
        let next_push = next_key(&pushes)?;
        Ok(Self {
            ids: transaction.open_table(tables::IDS).map_err(failed)?,
            kwargs: transaction.open_table(tables::KWARGS).map_err(failed)?,
            results: transaction.open_table(tables::RESULTS).map_err(failed)?,
            by_status: transaction.open_table(tables::BY_STATUS).map_err(failed)?,
            queues: transaction.open_table(tables::QUEUES).map_err(failed)?,
            dead_letters: transaction.open_table(tables::DEAD_LETTERS).map_err(failed)?,
            tombstones: transaction.open_table(tables::TOMBSTONES).map_err(failed)?,
            meta,
            jobs,
            pushes,
            before: counts,
            counts,
            next_seq,
            last_created: None,
            next_push,
        })
    }

    /// Writes what the batch kept in memory.
    pub(super) fn finish(mut self) -> Result<(), StoreError> {
        for status in STATUSES {
            let now = *self.counts.of(status);
            if *self.before.of(status) != now {
                self.meta.insert(status.as_str(), now).map_err(failed)?;
            }
        }
        Ok(())
    }

    /// `kwargs` are `submission.kwargs`, encoded by the caller, who has a thread of his own.
    pub(super) fn submit(
        &mut self,
        submission: &Submission,
        kwargs: &[u8],
        now: Timestamp,
    ) -> Result<Submitted, Refusal> {
        if let Some((seq, record)) = self.find(&submission.id)? {
            return self.compare(seq, record.job, submission);
        }
        let now = self.last_created()?.map_or(now, |last| after(last, now));
        let job = Job {
            id: submission.id.clone(),
            model: submission.model.clone(),
            task: submission.task,
            status: JobStatus::Pending,
            reason: None,
            tag: submission.tag.clone(),
            attempt: 0,
            created_at: now,
            started_at: None,
            finished_at: None,
        };
        let record = Record { job, token: None, delivered: None, lost: 0, push: None, handed: false };
        let seq = self.add(&record)?;
        self.kwargs.insert(seq, kwargs).map_err(failed)?;
        Ok(Submitted::Created(record.job))
    }

    fn last_created(&mut self) -> Result<Option<Timestamp>, Refusal> {
        if self.last_created.is_none()
            && let Some((_, bytes)) = self.jobs.last().map_err(failed)?
        {
            self.last_created = Some(decode::<Record>(bytes.value())?.job.created_at);
        }
        Ok(self.last_created)
    }

    /// Puts a new record behind all others.
    pub(super) fn add(&mut self, record: &Record) -> Result<u64, Refusal> {
        let seq = self.next_seq;
        self.next_seq += 1;
        self.last_created = Some(record.job.created_at);
        self.put(seq, record)?;
        self.ids.insert(record.job.id.as_str(), seq).map_err(failed)?;
        self.by_status.insert((code(record.job.status), seq), ()).map_err(failed)?;
        if record.job.status == JobStatus::Pending {
            self.queues.insert((record.job.model.to_string().as_str(), seq), ()).map_err(failed)?;
        }
        *self.counts.of(record.job.status) += 1;
        Ok(seq)
    }

    fn compare(&self, seq: u64, job: Job, submission: &Submission) -> Result<Submitted, Refusal> {
        let stored = self.kwargs.get(seq).map_err(failed)?;
        let same_inputs = match stored {
            Some(bytes) => {
                decode::<crate::model::TaskKwargs>(bytes.value()).map_err(Refusal::Failed)?
                    == submission.kwargs
            }
            None => false,
        };
        let differs = match differs(&job, submission) {
            Some(differs) => differs,
            None if !same_inputs => OTHER_INPUTS,
            None => return Ok(Submitted::Existing(job)),
        };
        Err(Refusal::Refused(StoreError::Conflict { id: job.id, differs }))
    }

    pub(super) fn start(
        &mut self,
        id: &JobId,
        signing: &Signing,
        now: Timestamp,
    ) -> Result<Option<StartedAttempt>, Refusal> {
        let Some((seq, mut record)) = self.find(id)? else { return Ok(None) };
        if record.job.status != JobStatus::Pending {
            return Ok(None);
        }
        let kwargs = match self.kwargs.get(seq).map_err(failed)? {
            Some(bytes) => decode(bytes.value())?,
            None => crate::model::TaskKwargs::new(),
        };
        record.job.attempt += 1;
        record.job.started_at = Some(now);
        record.job.reason = None;
        let token = signing.token(&record.job);
        record.token = Some(TokenDigest::of(&token));
        self.move_to(seq, &mut record, JobStatus::Running)?;
        Ok(Some(StartedAttempt { job: record.job, kwargs: Ok(kwargs), token, lost: record.lost }))
    }

    /// Has the record know the token of the attempt that runs: an earlier csw, or one that had another key, started it.
    pub(super) fn renew(&mut self, attempt: &RunningAttempt) -> Result<(), Refusal> {
        let Some((seq, mut record)) = self.find(&attempt.job.id)? else { return Ok(()) };
        if record.job.status == JobStatus::Running && record.job.attempt == attempt.job.attempt {
            record.token = Some(TokenDigest::of(&attempt.token));
            self.put(seq, &record)?;
        }
        Ok(())
    }

    pub(super) fn requeue(
        &mut self,
        id: &JobId,
        attempt: u32,
        lost: bool,
        reason: &str,
    ) -> Result<bool, Refusal> {
        let Some((seq, mut record)) = self.find(id)? else { return Ok(false) };
        if record.job.status != JobStatus::Running || record.job.attempt != attempt {
            return Ok(false);
        }
        record.token = None;
        record.lost += u32::from(lost);
        record.job.reason = Some(reason.to_owned());
        self.move_to(seq, &mut record, JobStatus::Pending)?;
        Ok(true)
    }

    pub(super) fn defer(&mut self, id: &JobId, attempt: u32, reason: &str) -> Result<bool, Refusal> {
        let Some((seq, mut record)) = self.find(id)? else { return Ok(false) };
        if record.job.status != JobStatus::Running || record.job.attempt != attempt {
            return Ok(false);
        }
        record.token = None;
        record.job.attempt -= 1;
        record.job.started_at = None;
        record.job.reason = Some(reason.to_owned());
        self.move_to(seq, &mut record, JobStatus::Pending)?;
        Ok(true)
    }

    pub(super) fn set_reason(&mut self, id: &JobId, reason: Option<&str>) -> Result<(), Refusal> {
        let Some((seq, mut record)) = self.find(id)? else { return Ok(()) };
        if record.job.status == JobStatus::Pending && record.job.reason.as_deref() != reason {
            record.job.reason = reason.map(str::to_owned);
            self.put(seq, &record)?;
        }
        Ok(())
    }

    pub(super) fn record(
        &mut self,
        token: &AttemptToken,
        result: &TaskResult,
        push: bool,
        now: Timestamp,
    ) -> Result<Recorded, Refusal> {
        let Some((seq, mut record)) = self.find(&result.task_id)? else { return Ok(Recorded::Fenced) };
        let token = TokenDigest::of(token);
        if record.delivered.as_ref() == Some(&token) {
            return Ok(Recorded::Duplicate);
        }
        if record.job.status != JobStatus::Running || record.token.as_ref() != Some(&token) {
            return Ok(Recorded::Fenced);
        }
        self.results.insert(seq, encode(result)?.as_slice()).map_err(failed)?;
        record.delivered = record.token.take();
        record.job.finished_at = Some(now);
        record.job.reason = result.traceback.as_deref().and_then(rules::reason);
        record.handed = push;
        if push {
            record.push = Some(self.queue_push(&QueuedPush { seq, tries: 0, reason: None })?);
        }
        let status = match result.status {
            Outcome::Success => JobStatus::Success,
            Outcome::Fail => JobStatus::Fail,
        };
        self.move_to(seq, &mut record, status)?;
        Ok(Recorded::Accepted)
    }

    pub(super) fn cancel(
        &mut self,
        id: &JobId,
        reason: &str,
        now: Timestamp,
    ) -> Result<Option<Job>, Refusal> {
        let Some((seq, mut record)) = self.find(id)? else { return Ok(None) };
        if !record.job.status.is_final() {
            record.token = None;
            record.job.reason = Some(reason.to_owned());
            record.job.finished_at = Some(now);
            self.move_to(seq, &mut record, JobStatus::Cancelled)?;
        }
        Ok(Some(record.job))
    }

    pub(super) fn remove(&mut self, ids: &[JobId]) -> Result<Vec<JobId>, Refusal> {
        let mut removed = Vec::new();
        for id in ids {
            let Some((seq, record)) = self.find(id)? else { continue };
            if !record.job.status.is_final() || record.push.is_some() {
                continue;
            }
            self.erase(seq, &record)?;
            removed.push(id.clone());
        }
        Ok(removed)
    }

    /// Removes everything about a job that is not queued for the web app.
    pub(super) fn erase(&mut self, seq: u64, record: &Record) -> Result<(), Refusal> {
        self.jobs.remove(seq).map_err(failed)?;
        self.ids.remove(record.job.id.as_str()).map_err(failed)?;
        self.kwargs.remove(seq).map_err(failed)?;
        self.results.remove(seq).map_err(failed)?;
        self.dead_letters.remove(seq).map_err(failed)?;
        self.by_status.remove((code(record.job.status), seq)).map_err(failed)?;
        *self.counts.of(record.job.status) -= 1;
        Ok(())
    }

    pub(super) fn pushed(&mut self, id: &JobId, outcome: PushOutcome, now: Timestamp) -> Result<(), Refusal> {
        let Some((seq, mut record)) = self.find(id)? else { return Ok(()) };
        let Some(key) = record.push.take() else { return Ok(()) };
        let queued: QueuedPush = match self.pushes.remove(key).map_err(failed)? {
            Some(bytes) => decode(bytes.value())?,
            None => return Ok(()),
        };
        match outcome {
            PushOutcome::Taken => {}
            PushOutcome::Refused { reason } => {
                let letter = DeadLetter { reason, tries: queued.tries + 1, since: Some(now) };
                self.dead_letters.insert(seq, letter.write()?.as_str()).map_err(failed)?;
            }
            PushOutcome::TryLater { reason } => {
                // To the end: one that the web app can't take now must not hold up the others.
                let again = QueuedPush { seq, tries: queued.tries + 1, reason: Some(reason) };
                record.push = Some(self.queue_push(&again)?);
            }
        }
        self.put(seq, &record)
    }

    pub(super) fn find(&self, id: &JobId) -> Result<Option<(u64, Record)>, Refusal> {
        let Some(seq) = self.ids.get(id.as_str()).map_err(failed)?.map(|v| v.value()) else {
            return Ok(None);
        };
        match self.jobs.get(seq).map_err(failed)? {
            Some(bytes) => Ok(Some((seq, decode(bytes.value())?))),
            None => Ok(None),
        }
    }

    pub(super) fn queue_push(&mut self, push: &QueuedPush) -> Result<u64, Refusal> {
        let key = self.next_push;
        self.next_push += 1;
        self.pushes.insert(key, encode(push)?.as_slice()).map_err(failed)?;
        Ok(key)
    }

    pub(super) fn put(&mut self, seq: u64, record: &Record) -> Result<(), Refusal> {
        self.jobs.insert(seq, encode(record)?.as_slice()).map_err(failed)?;
        Ok(())
    }

    pub(super) fn move_to(
        &mut self,
        seq: u64,
        record: &mut Record,
        status: JobStatus,
    ) -> Result<(), Refusal> {
        let old = std::mem::replace(&mut record.job.status, status);
        self.by_status.remove((code(old), seq)).map_err(failed)?;
        self.by_status.insert((code(status), seq), ()).map_err(failed)?;
        if (old == JobStatus::Pending) != (status == JobStatus::Pending) {
            let model = record.job.model.to_string();
            let place = (model.as_str(), seq);
            if status == JobStatus::Pending {
                self.queues.insert(place, ()).map_err(failed)?;
            } else {
                self.queues.remove(place).map_err(failed)?;
            }
        }
        *self.counts.of(old) -= 1;
        *self.counts.of(status) += 1;
        self.put(seq, record)
    }
}

pub(super) fn read_counts(meta: &impl ReadableTable<&'static str, u64>) -> Result<Counts, StoreError> {
    let mut counts = Counts::default();
    for status in STATUSES {
        *counts.of(status) = meta.get(status.as_str()).map_err(failed)?.map_or(0, |v| v.value());
    }
    Ok(counts)
}

/// What takes the current attempt over, and whether the record knows its token by now.
pub(super) fn running_attempt(record: Record, signing: &Signing) -> Option<(RunningAttempt, bool)> {
    let known = record.token?;
    let token = signing.token(&record.job);
    let is_known = known == TokenDigest::of(&token);
    Some((RunningAttempt { job: record.job, token, lost: record.lost }, is_known))
}

fn next_key(table: &impl ReadableTable<u64, &'static [u8]>) -> Result<u64, StoreError> {
    Ok(table.last().map_err(failed)?.map_or(0, |(key, _)| key.value() + 1))
}
