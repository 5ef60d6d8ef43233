use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::RangeInclusive;
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

    pub(super) fn all(&self) -> impl DoubleEndedIterator<Item = &Arc<Record>> {
        self.records.values()
    }

    /// The records in one state, in order.
    pub(super) fn of(&self, status: JobStatus) -> impl DoubleEndedIterator<Item = &Arc<Record>> {
        self.within(status, &(0..=u64::MAX))
    }

    fn within(
        &self,
        status: JobStatus,
        places: &RangeInclusive<u64>,
    ) -> impl DoubleEndedIterator<Item = &Arc<Record>> {
        let state = status as u8;
        let range = (state, *places.start())..=(state, *places.end());
        self.by_status.range(range).filter_map(|(_, seq)| self.records.get(seq))
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
        let after = match &page.after {
            Some(id) => Some(self.get(id).ok_or_else(|| StoreError::NoSuchJob { id: id.clone() })?.seq),
            None => None,
        };
        let places = match after {
            None => 0..=u64::MAX,
            // A range that ends before it begins is refused.
            Some(0) if page.newest_first => return Ok(Vec::new()),
            Some(seq) if page.newest_first => 0..=seq - 1,
            Some(seq) => seq + 1..=u64::MAX,
        };
        let models: HashSet<_> = page.models.iter().collect();
        let wanted = |record: &&Arc<Record>| {
            (models.is_empty() || models.contains(&record.job.model))
                && page.since.is_none_or(|since| record.job.created_at >= since)
        };
        let first = |records: &mut dyn DoubleEndedIterator<Item = &Arc<Record>>| -> Vec<Arc<Record>> {
            let limit = page.limit.unwrap_or(usize::MAX);
            match page.newest_first {
                true => records.rev().filter(wanted).take(limit).cloned().collect(),
                false => records.filter(wanted).take(limit).cloned().collect(),
            }
        };
        let mut found = match (page.status.as_slice(), page.models.as_slice()) {
            ([], _) => first(&mut self.records.range(places).map(|(_, record)| record)),
            ([JobStatus::Pending], [model]) => {
                let queue = self.queues.get(model).into_iter().flat_map(|queue| queue.range(places.clone()));
                first(&mut queue.filter_map(|seq| self.at(*seq)))
            }
            // Of each state as many as could be wanted at most, in order together.
            (states, _) => {
                let states: BTreeSet<u8> = states.iter().map(|s| *s as u8).collect();
                let of = super::STATUSES.into_iter().filter(|s| states.contains(&(*s as u8)));
                of.flat_map(|status| first(&mut self.within(status, &places))).collect()
            }
        };
        found.sort_unstable_by_key(|record| record.seq);
        if page.newest_first {
            found.reverse();
        }
        found.truncate(page.limit.unwrap_or(usize::MAX));
        Ok(found.into_iter().map(|record| record.job.clone()).collect())
    }
}

fn end_of(record: &Record) -> Option<(Timestamp, u64)> {
    let job = &record.job;
    job.status.is_final().then(|| (job.finished_at.unwrap_or(job.created_at), record.seq))
}
