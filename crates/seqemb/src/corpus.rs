use embed_core::ItemId;

/// Prepared sequences back to back.
#[derive(Debug, Default)]
pub(crate) struct Corpus {
    pub(crate) items: Vec<ItemId>,
    /// Where each sequence ends in `items`.
    pub(crate) ends: Vec<usize>,
    /// Items that these came from, before subsampling.
    pub(crate) read: u64,
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
        if *sequence == 0 { 0 } else { self.ends[*sequence - 1] }
    }
}
