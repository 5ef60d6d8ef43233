use std::collections::HashSet;
use std::iter::Peekable;
use std::ops::RangeInclusive;

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

    /// Those whose results were not for a web app.
    pub(super) fn own_results(&self, mut ids: Vec<JobId>) -> Result<Vec<JobId>, StoreError> {
        let mut own = HashSet::with_capacity(ids.len());
        for id in &ids {
            if self.record(id)?.is_some_and(|record| !record.handed && record.push.is_none()) {
                own.insert(id.clone());
            }
        }
        ids.retain(|id| own.contains(id));
        Ok(ids)
    }

    pub(super) fn counts(&self) -> Result<Counts, StoreError> {
        read_counts(&self.0.open_table(tables::META).map_err(failed)?)
    }

    pub(super) fn list(&self, page: &Page) -> Result<Vec<Job>, StoreError> {
        let Some(places) = self.places(page)? else { return Ok(Vec::new()) };
        let models: HashSet<_> = page.models.iter().collect();
        let limit = page.limit.unwrap_or(usize::MAX);
        let mut found = Vec::new();
        let jobs = self.0.open_table(tables::JOBS).map_err(failed)?;
        let by_status = self.0.open_table(tables::BY_STATUS).map_err(failed)?;
        let queues = self.0.open_table(tables::QUEUES).map_err(failed)?;
        let name = page.models.first().map(ToString::to_string).unwrap_or_default();
        let mut seqs: Vec<Peekable<Seqs<'_>>> = Vec::new();
        if page.status.is_empty() {
            let range = jobs.range(places).map_err(failed)?;
            seqs.push(in_order(page, range.map(|e| Ok(e.map_err(failed)?.0.value()))));
        } else if let ([JobStatus::Pending], [_]) = (page.status.as_slice(), page.models.as_slice()) {
            let (first, last) = (*places.start(), *places.end());
            let range = queues.range((name.as_str(), first)..=(name.as_str(), last)).map_err(failed)?;
            seqs.push(in_order(page, range.map(|e| Ok(e.map_err(failed)?.0.value().1))));
        } else {
            let mut states: Vec<u8> = page.status.iter().map(|s| code(*s)).collect();
            states.sort_unstable();
            states.dedup();
            for state in states {
                let range = by_status.range((state, *places.start())..=(state, *places.end()));
                let range = range.map_err(failed)?;
                seqs.push(in_order(page, range.map(|e| Ok(e.map_err(failed)?.0.value().1))));
            }
        }
        while found.len() < limit {
            let Some(seq) = next_of(&mut seqs, page.newest_first)? else { break };
            let Some(bytes) = jobs.get(seq).map_err(failed)? else { continue };
            let record: Record = decode(bytes.value())?;
            if page.since.is_some_and(|since| record.job.created_at < since) {
                // All that are left are older still.
                if page.newest_first {
                    break;
                }
                continue;
            }
            if models.is_empty() || models.contains(&record.job.model) {
                found.push(record.job);
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

    /// The sequence numbers that may be on a page.
    fn places(&self, page: &Page) -> Result<Option<RangeInclusive<u64>>, StoreError> {
        let after = self.after(page.after.as_ref())?;
        Ok(match (page.newest_first, &page.after) {
            (true, Some(_)) => after.checked_sub(2).map(|last| 0..=last),
            (true, None) => Some(0..=u64::MAX),
            (false, _) => Some(after..=u64::MAX),
        })
    }

    /// The sequence number behind that of a job.
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

/// Sequence numbers, or why there are no more.
type Seqs<'a> = Box<dyn Iterator<Item = Result<u64, StoreError>> + 'a>;

fn in_order<'a>(
    page: &Page,
    seqs: impl DoubleEndedIterator<Item = Result<u64, StoreError>> + 'a,
) -> Peekable<Seqs<'a>> {
    let seqs: Seqs<'a> = if page.newest_first { Box::new(seqs.rev()) } else { Box::new(seqs) };
    seqs.peekable()
}

/// The sequence number that comes first of those at the head of any list, taken off it.
fn next_of(lists: &mut [Peekable<Seqs<'_>>], newest_first: bool) -> Result<Option<u64>, StoreError> {
    let mut best: Option<(u64, usize)> = None;
    for (index, list) in lists.iter_mut().enumerate() {
        let head = match list.peek() {
            Some(Ok(seq)) => *seq,
            Some(Err(_)) | None => match list.next() {
                Some(Err(e)) => return Err(e),
                _ => continue,
            },
        };
        if best.is_none_or(|(seq, _)| if newest_first { head > seq } else { head < seq }) {
            best = Some((head, index));
        }
    }
    if let Some(list) = best.and_then(|(_, index)| lists.get_mut(index)) {
        list.next();
    }
    Ok(best.map(|(seq, _)| seq))
}
