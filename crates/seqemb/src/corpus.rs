use std::ops::Range;

use embed_core::ItemId;

/// Prepared sequences back to back.
#[derive(Debug, Default)]
pub(crate) struct Corpus {
    pub(crate) items: Vec<ItemId>,
    /// Where each sequence ends in `items`.
    pub(crate) ends: Vec<usize>,
    /// Items that these came from, before subsampling.
    pub(crate) read: u64,
    /// What [`Corpus::find_distinct`] found: sorted, back to back, and where each sequence's end.
    distinct: Vec<ItemId>,
    distinct_ends: Vec<usize>,
}

impl Corpus {
    pub(crate) fn push(&mut self, sequence: &[ItemId]) {
        self.items.extend_from_slice(sequence);
        self.ends.push(self.items.len());
    }

    pub(crate) fn clear(&mut self) {
        self.items.clear();
        self.ends.clear();
        self.read = 0;
        self.distinct.clear();
        self.distinct_ends.clear();
    }

    /// The places of a sequence.
    pub(crate) fn places(&self, sequence: usize) -> Range<usize> {
        let start = if sequence == 0 { 0 } else { self.ends[sequence - 1] };
        start..self.ends[sequence]
    }

    /// Finds the different items of each sequence.
    pub(crate) fn find_distinct(&mut self) {
        for sequence in self.distinct_ends.len()..self.ends.len() {
            let mut items = self.items[self.places(sequence)].to_vec();
            items.sort_unstable();
            items.dedup();
            self.distinct.append(&mut items);
            self.distinct_ends.push(self.distinct.len());
        }
    }

    /// The different items of a sequence, ascending; none before they were found.
    pub(crate) fn distinct(&self, sequence: usize) -> &[ItemId] {
        let Some(&end) = self.distinct_ends.get(sequence) else { return &[] };
        let start = if sequence == 0 { 0 } else { self.distinct_ends[sequence - 1] };
        &self.distinct[start..end]
    }

    /// The sequence that place `at` is in.
    pub(crate) fn sequence_at(&self, at: usize) -> usize {
        self.ends.partition_point(|&end| end <= at)
    }

    /// The sequence that place `at` is in, found from the last one: its number, and where it starts.
    pub(crate) fn advance(&self, sequence: &mut usize, at: usize) -> usize {
        while self.ends[*sequence] <= at {
            *sequence += 1;
        }
        self.places(*sequence).start
    }
}
