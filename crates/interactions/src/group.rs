use std::ops::Range;

/// Rows of a column grouped by their id: rows of id 0, then of id 1, …; within an id in ascending order until
/// they are sorted otherwise. 8 bytes a row and 8 an id.
pub(crate) struct Groups {
    /// Invariant: starts at 0, non-decreasing, ends at `rows.len()`; one more than there are ids.
    offsets: Vec<usize>,
    rows: Vec<usize>,
}

impl Groups {
    /// Groups the rows of `ids`, all of which are below `n`. O(n + rows): a counting sort.
    pub(crate) fn new(n: usize, ids: &[u32]) -> Self {
        let mut offsets = vec![0usize; n + 1];
        for &id in ids {
            offsets[id as usize + 1] += 1;
        }
        for id in 0..n {
            offsets[id + 1] += offsets[id];
        }
        let mut next = offsets.clone();
        let mut rows = vec![0; ids.len()];
        for (row, &id) in ids.iter().enumerate() {
            rows[next[id as usize]] = row;
            next[id as usize] += 1;
        }
        Self { offsets, rows }
    }

    /// Sorts the rows within each id by a key; equal keys keep their order.
    pub(crate) fn sort_each_by_key<K: Ord>(&mut self, key: impl Fn(usize) -> K) {
        for pair in self.offsets.windows(2) {
            self.rows[pair[0]..pair[1]].sort_by_key(|&row| key(row));
        }
    }

    /// All rows, group after group.
    pub(crate) fn rows(&self) -> &[usize] {
        &self.rows
    }

    /// Where each group lies in [`Groups::rows`].
    pub(crate) fn spans(&self) -> impl ExactSizeIterator<Item = Range<usize>> {
        self.offsets.windows(2).map(|pair| pair[0]..pair[1])
    }

    /// The rows of each id in order.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &[usize]> {
        self.spans().map(|span| &self.rows[span])
    }

    /// The rows of one id.
    pub(crate) fn get(&self, id: u32) -> &[usize] {
        &self.rows[self.offsets[id as usize]..self.offsets[id as usize + 1]]
    }
}

/// How often each id occurs, `[n]`; all are below `n`.
pub(crate) fn counts(n: usize, ids: &[u32]) -> Vec<u64> {
    let mut counts = vec![0; n];
    for &id in ids {
        counts[id as usize] += 1;
    }
    counts
}
