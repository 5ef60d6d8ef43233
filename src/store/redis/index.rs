use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::record::Record;
use crate::model::{Job, JobId, JobStatus, ModelName};
use crate::store::{Counts, Page, StoreError};

/// Every record in memory, found by place, id and state.
#[derive(Debug, Default)]
pub(super) struct Index {
    records: BTreeMap<u64, Arc<Record>>,
    ids: HashMap<JobId, u64>,
    by_status: BTreeSet<(u8, u64)>,
    /// PENDING jobs of each model.
    queues: BTreeMap<ModelName, BTreeSet<u64>>,
    /// Those that have ended, in the order in which they did.
    ended: BTreeSet<(Timestamp, u64)>,
    counts: Counts,
}

impl Index {
    pub(super) fn get(&self, id: &JobId) -> Option<&Arc<Record>> {
        self.records.get(self.ids.get(id)?)
    }

    pub(super) fn at(&self, seq: u64) -> Option<&Arc<Record>> {
        self.records.get(&seq)
    }

    /// Adds a record, or puts it in the place of the one that has its place.
    pub(super) fn put(&mut self, record: Arc<Record>) {
        self.remove(record.seq);
        self.ids.insert(record.job.id.clone(), record.seq);
        self.by_status.insert((record.job.status as u8, record.seq));
        self.ended.extend(end_of(&record));
        if record.job.status == JobStatus::Pending {
            self.queues.entry(record.job.model.clone()).or_default().insert(record.seq);
        }
        *self.counts.of(record.job.status) += 1;
        self.records.insert(record.seq, record);
    }

    pub(super) fn remove(&mut self, seq: u64) -> Option<Arc<Record>> {
        let record = self.records.remove(&seq)?;
        // The id may have been taken anew since.
        if self.ids.get(&record.job.id) == Some(&seq) {
            self.ids.remove(&record.job.id);
        }
        self.by_status.remove(&(record.job.status as u8, seq));
        if let Some(end) = end_of(&record) {
            self.ended.remove(&end);
        }
        if let Some(queue) = self.queues.get_mut(&record.job.model)
            && queue.remove(&seq)
            && queue.is_empty()
        {
            self.queues.remove(&record.job.model);
        }
        *self.counts.of(record.job.status) -= 1;
        Some(record)
    }

    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    pub(super) fn last_seq(&self) -> Option<u64> {
        self.records.last_key_value().map(|(seq, _)| *seq)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<Record>> {
        self.records.values()
    }

    /// The records in one state from a place on, in order.
    pub(super) fn of(&self, status: JobStatus, from: u64) -> impl Iterator<Item = &Arc<Record>> {
        let state = status as u8;
        self.by_status.range((state, from)..=(state, u64::MAX)).filter_map(|(_, seq)| self.records.get(seq))
    }

    /// The job that ended first, where more than `remembered` have.
    pub(super) fn too_many(&self, remembered: usize) -> Option<u64> {
        (self.ended.len() > remembered).then(|| self.ended.first().map(|(_, seq)| *seq))?
    }

    /// Models that have PENDING jobs.
    pub(super) fn waiting(&self) -> Vec<ModelName> {
        self.queues.keys().cloned().collect()
    }

    pub(super) fn list(&self, page: &Page) -> Result<Vec<Job>, StoreError> {
        let from = match &page.after {
            Some(id) => self.get(id).ok_or_else(|| StoreError::NoSuchJob { id: id.clone() })?.seq + 1,
            None => 0,
        };
        let models: HashSet<_> = page.models.iter().collect();
        let wanted = |record: &&Arc<Record>| models.is_empty() || models.contains(&record.job.model);
        let limit = page.limit.unwrap_or(usize::MAX);
        if page.status.is_empty() {
            let records = self.records.range(from..).map(|(_, record)| record).filter(wanted);
            return Ok(records.take(limit).map(|record| record.job.clone()).collect());
        }
        if let ([JobStatus::Pending], [model]) = (page.status.as_slice(), page.models.as_slice()) {
            let queue = self.queues.get(model).into_iter().flat_map(|queue| queue.range(from..));
            return Ok(queue.filter_map(|seq| self.at(*seq)).take(limit).map(|r| r.job.clone()).collect());
        }
        // Of each state as many as could be wanted at most, in order together.
        let states: BTreeSet<u8> = page.status.iter().map(|s| *s as u8).collect();
        let mut found: Vec<&Arc<Record>> = Vec::new();
        for status in super::STATUSES.into_iter().filter(|s| states.contains(&(*s as u8))) {
            found.extend(self.of(status, from).filter(wanted).take(limit));
        }
        found.sort_unstable_by_key(|record| record.seq);
        found.truncate(limit);
        Ok(found.into_iter().map(|record| record.job.clone()).collect())
    }
}

fn end_of(record: &Record) -> Option<(Timestamp, u64)> {
    let job = &record.job;
    job.status.is_final().then(|| (job.finished_at.unwrap_or(job.created_at), record.seq))
}
