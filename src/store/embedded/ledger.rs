//! The embedded store as the authority for results: attempts come with a token that proves itself, and the first that
//! delivers has its job's record made.

use std::cmp::Ordering;

use jiff::Timestamp;
use redb::{ReadableTable, ReadableTableMetadata};

use super::batch::Batch;
use super::codec::{DeadLetter, QueuedPush, Record, TokenDigest, decode, failed};
use super::read::Snapshot;
use super::store::EmbeddedStore;
use super::tables;
use super::writer::Refusal;
use crate::model::{Job, JobId, JobStatus, TaskResult};
use crate::store::{
    AttemptToken, Backlog, Cancelled, Claims, Recorded, Retried, Standing, StoreError, Undelivered,
    UndeliveredState,
};

/// Records that one transaction of [`EmbeddedStore::forget`] takes at most.
const CHUNK: usize = 500;

impl EmbeddedStore {
    /// How an attempt stands whose token says these claims.
    ///
    /// # Errors
    /// When the store fails.
    pub fn standing(&self, claims: &Claims, token: &AttemptToken) -> Result<Standing, StoreError> {
        self.look(|s| Ok(judge(s.record(&claims.id)?.as_ref(), s.is_buried(&claims.id)?, claims, token)))
    }

    /// Makes this the attempt of the job that may deliver, if it may: its record is made if there is none, and an older
    /// attempt without a result is fenced from then on.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn adopt(&self, claims: &Claims, token: &AttemptToken) -> Result<Standing, StoreError> {
        let (claims, token) = (claims.clone(), token.clone());
        self.write(move |batch| batch.adopt(&claims, &token, Timestamp::now())).await
    }

    /// [`EmbeddedStore::adopt`] and [`record`](crate::store::JobStore::record) in one step.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn deliver(
        &self,
        claims: &Claims,
        token: &AttemptToken,
        result: TaskResult,
        push: bool,
    ) -> Result<Recorded, StoreError> {
        let (claims, token) = (claims.clone(), token.clone());
        self.write(move |batch| {
            let now = Timestamp::now();
            batch.adopt(&claims, &token, now)?;
            batch.record(&token, &result, push, now)
        })
        .await
    }

    /// From now on takes no result of this job, known or not, unless it has one.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn bury(&self, id: &JobId, reason: &str) -> Result<Cancelled, StoreError> {
        let (id, reason) = (id.clone(), reason.to_owned());
        self.write(move |batch| batch.bury(&id, &reason, Timestamp::now())).await
    }

    /// Whether results of this job are refused because it was cancelled.
    ///
    /// # Errors
    /// When the store fails.
    pub fn is_cancelled(&self, id: &JobId) -> Result<bool, StoreError> {
        self.look(|s| match s.record(id)? {
            Some(record) => Ok(record.job.status == JobStatus::Cancelled),
            None => s.is_buried(id),
        })
    }

    /// Results that the web app does not have, in the order in which their jobs came to be, at most `limit` of those
    /// after the job `after`.
    ///
    /// # Errors
    /// [`StoreError::NoSuchJob`] when `after` is not there (any more).
    pub async fn undelivered(
        &self,
        state: UndeliveredState,
        after: Option<JobId>,
        limit: usize,
    ) -> Result<Vec<Undelivered>, StoreError> {
        self.scan(move |s| s.undelivered(state, after.as_ref(), limit)).await
    }

    /// How many those are.
    ///
    /// # Errors
    /// When the store fails.
    pub fn backlog(&self) -> Result<Backlog, StoreError> {
        self.look(Snapshot::backlog)
    }

    /// Queues a dead letter for the web app again, behind what waits.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn retry(&self, id: &JobId) -> Result<Retried, StoreError> {
        let id = id.clone();
        self.write(move |batch| batch.retry(&id)).await
    }

    /// Forgets what ended before then: results that the web app has or that nobody waits for, cancelled jobs, and
    /// attempts that stored outputs and were never heard of again. Never a result that waits, nor a dead letter. Returns
    /// how many jobs it forgot.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn forget(&self, before: Timestamp) -> Result<usize, StoreError> {
        let ids = self.scan(move |s| s.expired(before)).await?;
        let mut forgotten = 0;
        for chunk in ids.chunks(CHUNK) {
            let chunk = chunk.to_vec();
            forgotten += self.write(move |batch| batch.forget(&chunk, before)).await?;
        }
        Ok(forgotten)
    }
}

fn judge(found: Option<&Record>, buried: bool, claims: &Claims, token: &AttemptToken) -> Standing {
    let Some(record) = found else {
        return if buried { Standing::Fenced } else { Standing::Current };
    };
    let token = TokenDigest::of(token);
    if record.delivered.as_ref() == Some(&token) {
        return Standing::Delivered;
    }
    if record.job.status.is_final() {
        return Standing::Fenced;
    }
    match claims.attempt.cmp(&record.job.attempt) {
        Ordering::Greater => Standing::Current,
        Ordering::Equal if record.token.as_ref() == Some(&token) => Standing::Current,
        Ordering::Equal | Ordering::Less => Standing::Fenced,
    }
}

/// Whether a record may go: when its job ended, or last gave a sign of life.
fn is_expired(record: &Record, is_dead: bool, before: Timestamp) -> bool {
    let last = record.job.finished_at.or(record.job.started_at).unwrap_or(record.job.created_at);
    record.push.is_none() && !is_dead && record.job.status != JobStatus::Pending && last < before
}

impl Batch<'_> {
    fn adopt(&mut self, claims: &Claims, token: &AttemptToken, now: Timestamp) -> Result<Standing, Refusal> {
        let buried = self.tombstones.get(claims.id.as_str()).map_err(failed)?.is_some();
        let found = self.find(&claims.id)?;
        let standing = judge(found.as_ref().map(|(_, record)| record), buried, claims, token);
        match (standing, found) {
            (Standing::Current, None) => {
                let job = Job {
                    id: claims.id.clone(),
                    model: claims.model.clone(),
                    task: claims.task,
                    status: JobStatus::Running,
                    reason: None,
                    tag: None,
                    attempt: claims.attempt,
                    created_at: now,
                    started_at: Some(now),
                    finished_at: None,
                };
                let token = Some(TokenDigest::of(token));
                self.add(&Record { job, token, delivered: None, lost: 0, push: None, handed: false })?;
            }
            (Standing::Current, Some((seq, mut record))) => {
                let token = TokenDigest::of(token);
                if record.token.as_ref() != Some(&token) {
                    record.job.attempt = claims.attempt;
                    record.job.started_at = Some(now);
                    record.token = Some(token);
                    self.move_to(seq, &mut record, JobStatus::Running)?;
                }
            }
            (Standing::Delivered | Standing::Fenced, _) => {}
        }
        Ok(standing)
    }

    fn bury(&mut self, id: &JobId, reason: &str, now: Timestamp) -> Result<Cancelled, Refusal> {
        match self.cancel(id, reason, now)?.map(|job| job.status) {
            Some(JobStatus::Cancelled) => Ok(Cancelled::Done),
            Some(_) => Ok(Cancelled::HasResult),
            None => {
                self.tombstones.insert(id.as_str(), now.as_second()).map_err(failed)?;
                Ok(Cancelled::Done)
            }
        }
    }

    fn retry(&mut self, id: &JobId) -> Result<Retried, Refusal> {
        let Some((seq, mut record)) = self.find(id)? else { return Ok(Retried::Unknown) };
        if record.push.is_some() {
            return Ok(Retried::Waiting);
        }
        let letter =
            self.dead_letters.remove(seq).map_err(failed)?.map(|text| DeadLetter::read(text.value()));
        let Some(letter) = letter else {
            let has_result = self.results.get(seq).map_err(failed)?.is_some();
            return Ok(if has_result { Retried::Taken } else { Retried::Unknown });
        };
        let again = QueuedPush { seq, tries: letter.tries, reason: Some(letter.reason) };
        record.push = Some(self.queue_push(&again)?);
        self.put(seq, &record)?;
        Ok(Retried::Waiting)
    }

    /// Looks again at each: a dead letter may have been sent again meanwhile.
    fn forget(&mut self, ids: &[JobId], before: Timestamp) -> Result<usize, Refusal> {
        let mut forgotten = 0;
        for id in ids {
            if let Some((seq, record)) = self.find(id)? {
                let is_dead = self.dead_letters.get(seq).map_err(failed)?.is_some();
                if is_expired(&record, is_dead, before) {
                    self.erase(seq, &record)?;
                    forgotten += 1;
                }
            }
            let old = self.tombstones.get(id.as_str()).map_err(failed)?.map(|at| at.value());
            if old.is_some_and(|at| at < before.as_second()) {
                self.tombstones.remove(id.as_str()).map_err(failed)?;
                forgotten += 1;
            }
        }
        Ok(forgotten)
    }
}

impl Snapshot {
    fn is_buried(&self, id: &JobId) -> Result<bool, StoreError> {
        let tombstones = self.0.open_table(tables::TOMBSTONES).map_err(failed)?;
        Ok(tombstones.get(id.as_str()).map_err(failed)?.is_some())
    }

    fn backlog(&self) -> Result<Backlog, StoreError> {
        Ok(Backlog {
            waiting: self.0.open_table(tables::PUSHES).map_err(failed)?.len().map_err(failed)?,
            dead: self.0.open_table(tables::DEAD_LETTERS).map_err(failed)?.len().map_err(failed)?,
        })
    }

    fn undelivered(
        &self,
        state: UndeliveredState,
        after: Option<&JobId>,
        limit: usize,
    ) -> Result<Vec<Undelivered>, StoreError> {
        let from = self.after(after)?;
        let mut found = Vec::new();
        match state {
            UndeliveredState::Dead => {
                let letters = self.0.open_table(tables::DEAD_LETTERS).map_err(failed)?;
                for entry in letters.range(from..).map_err(failed)?.take(limit) {
                    let (seq, text) = entry.map_err(failed)?;
                    let DeadLetter { reason, tries, since } = DeadLetter::read(text.value());
                    found.extend(self.described(seq.value(), state, tries, Some(reason), since)?);
                }
            }
            UndeliveredState::Waiting => {
                let pushes = self.0.open_table(tables::PUSHES).map_err(failed)?;
                let mut queued = Vec::new();
                for entry in pushes.iter().map_err(failed)? {
                    let push: QueuedPush = decode(entry.map_err(failed)?.1.value())?;
                    if push.seq >= from {
                        queued.push(push);
                    }
                }
                // Those that were tried are at the end of the queue; this order does not change between two pages.
                queued.sort_unstable_by_key(|push| push.seq);
                for push in queued.into_iter().take(limit) {
                    found.extend(self.described(push.seq, state, push.tries, push.reason, None)?);
                }
            }
        }
        Ok(found)
    }

    fn described(
        &self,
        seq: u64,
        state: UndeliveredState,
        tries: u32,
        reason: Option<String>,
        since: Option<Timestamp>,
    ) -> Result<Option<Undelivered>, StoreError> {
        let record: Option<Record> = self.value(tables::JOBS, seq)?;
        Ok(record.map(|Record { job, .. }| Undelivered {
            task_id: job.id,
            task: job.task,
            model: job.model,
            state,
            tries,
            reason,
            since: since.or(job.finished_at),
        }))
    }

    fn expired(&self, before: Timestamp) -> Result<Vec<JobId>, StoreError> {
        let mut found = Vec::new();
        let letters = self.0.open_table(tables::DEAD_LETTERS).map_err(failed)?;
        let jobs = self.0.open_table(tables::JOBS).map_err(failed)?;
        for entry in jobs.iter().map_err(failed)? {
            let (seq, bytes) = entry.map_err(failed)?;
            let record: Record = decode(bytes.value())?;
            if is_expired(&record, letters.get(seq.value()).map_err(failed)?.is_some(), before) {
                found.push(record.job.id);
            }
        }
        for entry in self.0.open_table(tables::TOMBSTONES).map_err(failed)?.iter().map_err(failed)? {
            let (id, at) = entry.map_err(failed)?;
            if at.value() < before.as_second() {
                found.extend(id.value().parse());
            }
        }
        Ok(found)
    }
}
