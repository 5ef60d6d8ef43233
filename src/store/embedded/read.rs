use std::collections::HashSet;
use std::iter::Peekable;

use redb::{Database, ReadTransaction, ReadableDatabase, ReadableTable};

use super::batch::{read_counts, running_attempt};
use super::codec::{QueuedPush, Record, decode, failed};
use super::signing::Signing;
use super::tables::{self, code};
use crate::model::{Job, JobId, JobStatus, ModelName, TaskKwargs, TaskName, TaskResult};
use crate::store::{Counts, Page, Push, RunningAttempt, StoreError};

/// One consistent look at the store.
pub(super) struct Snapshot(pub(super) ReadTransaction);

impl Snapshot {
    pub(super) fn take(database: &Database) -> Result<Self, StoreError> {
        database.begin_read().map(Self).map_err(failed)
    }

    pub(super) fn record(&self, id: &JobId) -> Result<Option<Record>, StoreError> {
        match self.seq(id)? {
            Some(seq) => self.value(tables::JOBS, seq),
            None => Ok(None),
        }
    }

    pub(super) fn kwargs(&self, id: &JobId) -> Result<Option<TaskKwargs>, StoreError> {
        match self.seq(id)? {
            Some(seq) => self.value(tables::KWARGS, seq),
            None => Ok(None),
        }
    }

    pub(super) fn result(&self, id: &JobId) -> Result<Option<TaskResult>, StoreError> {
        match self.seq(id)? {
            Some(seq) => self.value(tables::RESULTS, seq),
            None => Ok(None),
        }
    }

    pub(super) fn counts(&self) -> Result<Counts, StoreError> {
        read_counts(&self.0.open_table(tables::META).map_err(failed)?)
    }

    pub(super) fn list(&self, page: &Page) -> Result<Vec<Job>, StoreError> {
        let from = self.after(page.after.as_ref())?;
        let models: HashSet<_> = page.models.iter().collect();
        let limit = page.limit.unwrap_or(usize::MAX);
        let wanted = |record: &Record| models.is_empty() || models.contains(&record.job.model);
        let mut found = Vec::new();
        let jobs = self.0.open_table(tables::JOBS).map_err(failed)?;
        if let ([JobStatus::Pending], [model]) = (page.status.as_slice(), page.models.as_slice()) {
            let queues = self.0.open_table(tables::QUEUES).map_err(failed)?;
            let model = model.to_string();
            let queue = queues.range((model.as_str(), from)..=(model.as_str(), u64::MAX)).map_err(failed)?;
            for entry in queue.take(limit) {
                let (_, seq) = entry.map_err(failed)?.0.value();
                found.extend(self.value::<Record>(tables::JOBS, seq)?.map(|record| record.job));
            }
            return Ok(found);
        }
        if page.status.is_empty() {
            for entry in jobs.range(from..).map_err(failed)? {
                if found.len() >= limit {
                    break;
                }
                let record: Record = decode(entry.map_err(failed)?.1.value())?;
                if wanted(&record) {
                    found.push(record.job);
                }
            }
            return Ok(found);
        }
        let by_status = self.0.open_table(tables::BY_STATUS).map_err(failed)?;
        let mut states: Vec<u8> = page.status.iter().map(|s| code(*s)).collect();
        states.sort_unstable();
        states.dedup();
        let mut ranges = Vec::with_capacity(states.len());
        for state in states {
            ranges.push(by_status.range((state, from)..=(state, u64::MAX)).map_err(failed)?.peekable());
        }
        while found.len() < limit {
            let Some(seq) = next_of(&mut ranges)? else { break };
            if let Some(bytes) = jobs.get(seq).map_err(failed)? {
                let record: Record = decode(bytes.value())?;
                if wanted(&record) {
                    found.push(record.job);
                }
            }
        }
        Ok(found)
    }

    /// Jobs that have ended, from the latest accepted backwards; not beyond ten times as many as are wanted.
    pub(super) fn recent(&self, limit: usize) -> Result<Vec<Job>, StoreError> {
        let jobs = self.0.open_table(tables::JOBS).map_err(failed)?;
        let mut found = Vec::new();
        for entry in jobs.iter().map_err(failed)?.rev().take(limit.saturating_mul(10)) {
            let record: Record = decode(entry.map_err(failed)?.1.value())?;
            if record.job.status.is_final() {
                found.push(record.job);
            }
            if found.len() >= limit {
                break;
            }
        }
        Ok(found)
    }

    /// The models that have PENDING jobs, found by leaps from one queue to the next.
    pub(super) fn waiting(&self) -> Result<Vec<ModelName>, StoreError> {
        let queues = self.0.open_table(tables::QUEUES).map_err(failed)?;
        let mut found = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let next = match &after {
                Some(model) => queues.range((model.as_str(), u64::MAX)..),
                None => queues.range(("", 0)..),
            };
            let Some(entry) = next.map_err(failed)?.next() else { return Ok(found) };
            let model = entry.map_err(failed)?.0.value().0.to_owned();
            let name = model.parse().map_err(|e| StoreError::Failed { reason: format!("{e}") })?;
            found.push(name);
            after = Some(model);
        }
    }

    pub(super) fn running(&self, signing: &Signing) -> Result<Vec<(RunningAttempt, bool)>, StoreError> {
        let by_status = self.0.open_table(tables::BY_STATUS).map_err(failed)?;
        let state = code(JobStatus::Running);
        let mut found = Vec::new();
        for entry in by_status.range((state, 0)..=(state, u64::MAX)).map_err(failed)? {
            let (_, seq) = entry.map_err(failed)?.0.value();
            let record: Option<Record> = self.value(tables::JOBS, seq)?;
            found.extend(record.and_then(|record| running_attempt(record, signing)));
        }
        Ok(found)
    }

    pub(super) fn pushes(&self, limit: usize) -> Result<Vec<Push>, StoreError> {
        let pushes = self.0.open_table(tables::PUSHES).map_err(failed)?;
        let mut found = Vec::new();
        for entry in pushes.iter().map_err(failed)?.take(limit) {
            let queued: QueuedPush = decode(entry.map_err(failed)?.1.value())?;
            let record: Option<Record> = self.value(tables::JOBS, queued.seq)?;
            let result: Option<TaskResult> = self.value(tables::RESULTS, queued.seq)?;
            if let (Some(record), Some(result)) = (record, result) {
                let task: TaskName = record.job.task;
                found.push(Push { task, result, tries: queued.tries });
            }
        }
        Ok(found)
    }

    /// The sequence number that a page starts with.
    pub(super) fn after(&self, id: Option<&JobId>) -> Result<u64, StoreError> {
        match id {
            Some(id) => Ok(self.seq(id)?.ok_or_else(|| StoreError::NoSuchJob { id: id.clone() })? + 1),
            None => Ok(0),
        }
    }

    fn seq(&self, id: &JobId) -> Result<Option<u64>, StoreError> {
        let ids = self.0.open_table(tables::IDS).map_err(failed)?;
        let found = ids.get(id.as_str()).map_err(failed)?;
        Ok(found.map(|v| v.value()))
    }

    pub(super) fn value<T: serde::de::DeserializeOwned>(
        &self,
        table: redb::TableDefinition<'_, u64, &'static [u8]>,
        seq: u64,
    ) -> Result<Option<T>, StoreError> {
        let table = self.0.open_table(table).map_err(failed)?;
        let found = table.get(seq).map_err(failed)?;
        found.map(|bytes| decode(bytes.value())).transpose()
    }
}

type StatusRange<'a> = Peekable<redb::Range<'a, (u8, u64), ()>>;

/// The smallest sequence number at the head of any range, taken off it.
fn next_of(ranges: &mut [StatusRange<'_>]) -> Result<Option<u64>, StoreError> {
    let mut best: Option<(u64, usize)> = None;
    for (index, range) in ranges.iter_mut().enumerate() {
        let head = match range.peek() {
            Some(Ok((key, _))) => key.value().1,
            Some(Err(_)) | None => {
                if let Some(Err(e)) = range.next() {
                    return Err(failed(e));
                }
                continue;
            }
        };
        if best.is_none_or(|(seq, _)| head < seq) {
            best = Some((head, index));
        }
    }
    if let Some(range) = best.and_then(|(_, index)| ranges.get_mut(index)) {
        range.next();
    }
    Ok(best.map(|(seq, _)| seq))
}
