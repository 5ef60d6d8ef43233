use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Records in one document: a change rewrites the whole of it, and a start reads all of them.
pub(super) const PER_PAGE: usize = 32;
/// A page with so few records left gives them to the one that is being filled.
const SPARSE: usize = PER_PAGE / 4;

/// Which record is in which document. Numbers of pages that are gone are used again, so that the highest stays close to
/// how many there are.
#[derive(Debug, Default)]
pub(super) struct Pages {
    of: HashMap<u64, u32>,
    held: BTreeMap<u32, BTreeSet<u64>>,
    filling: Option<u32>,
    dirty: BTreeSet<u32>,
}

impl Pages {
    /// Gives a record a page.
    pub(super) fn place(&mut self, seq: u64) {
        let page = match self.filling {
            Some(page) if self.held.get(&page).is_some_and(|p| p.len() < PER_PAGE) => page,
            _ => self.unused(),
        };
        self.filling = Some(page);
        self.held.entry(page).or_default().insert(seq);
        self.of.insert(seq, page);
        self.dirty.insert(page);
    }

    /// Notes that a record has changed.
    pub(super) fn touch(&mut self, seq: u64) {
        self.dirty.extend(self.of.get(&seq));
    }

    /// Takes a record off its page.
    pub(super) fn take_out(&mut self, seq: u64) {
        let Some(page) = self.of.remove(&seq) else { return };
        self.dirty.insert(page);
        let Some(left) = self.held.get_mut(&page) else { return };
        left.remove(&seq);
        if left.is_empty() {
            self.held.remove(&page);
        } else if left.len() <= SPARSE && self.filling != Some(page) {
            for seq in self.held.remove(&page).unwrap_or_default() {
                self.place(seq);
            }
        }
    }

    /// The records of a page, in order; `None` if it is to be deleted.
    pub(super) fn records(&self, page: u32) -> Option<impl Iterator<Item = u64>> {
        Some(self.held.get(&page)?.iter().copied())
    }

    /// The pages that differ from their documents.
    pub(super) fn dirty(&self) -> impl Iterator<Item = u32> {
        self.dirty.iter().copied()
    }

    /// All that there are.
    pub(super) fn all(&self) -> impl Iterator<Item = u32> {
        self.held.keys().copied()
    }

    /// Every document is as it should be.
    pub(super) fn written(&mut self) {
        self.dirty.clear();
    }

    /// One more than the highest number that is in use or to be deleted.
    pub(super) fn end(&self) -> u32 {
        let last = self.held.last_key_value().map(|(page, _)| *page);
        last.max(self.dirty.last().copied()).map_or(0, |page| page + 1)
    }

    fn unused(&self) -> u32 {
        let mut next = 0;
        for page in self.held.keys() {
            if *page != next {
                break;
            }
            next += 1;
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(pages: &Pages) -> Vec<(u32, usize)> {
        pages.held.iter().map(|(page, records)| (*page, records.len())).collect()
    }

    #[test]
    fn pages_are_filled_compacted_and_used_again() {
        let mut pages = Pages::default();
        (0..100).for_each(|seq| pages.place(seq));
        assert_eq!(held(&pages), [(0, 32), (1, 32), (2, 32), (3, 4)]);
        pages.written();
        pages.touch(40);
        assert_eq!(pages.dirty().collect::<Vec<_>>(), [1]);
        pages.written();
        (0..24).for_each(|seq| pages.take_out(seq));
        // Eight were left of the first page, and moved.
        assert_eq!(held(&pages), [(1, 32), (2, 32), (3, 12)]);
        assert_eq!(pages.dirty().collect::<Vec<_>>(), [0, 3]);
        assert!(pages.records(0).is_none());
        (100..130).for_each(|seq| pages.place(seq));
        assert_eq!(held(&pages), [(0, 10), (1, 32), (2, 32), (3, 32)]);
        assert_eq!(pages.end(), 4);
        (24..130).for_each(|seq| pages.take_out(seq));
        assert_eq!(held(&pages), []);
        pages.written();
        assert_eq!((pages.end(), pages.of.len()), (0, 0));
    }

    #[test]
    fn whatever_happens_every_record_has_one_page_and_pages_stay_few() {
        let mut pages = Pages::default();
        let mut alive: Vec<u64> = Vec::new();
        let mut random = 1_u64;
        for seq in 0..20_000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            pages.place(seq);
            alive.push(seq);
            if alive.len() > 500 || random >> 63 == 1 {
                let gone = alive.swap_remove(usize::try_from(random >> 33).unwrap() % alive.len());
                pages.take_out(gone);
            }
            pages.written();
        }
        let mut all: Vec<u64> = pages.held.values().flatten().copied().collect();
        all.sort_unstable();
        alive.sort_unstable();
        assert_eq!(all, alive);
        assert!(pages.end() as usize <= 1 + alive.len() / SPARSE, "{}", pages.end());
    }
}
