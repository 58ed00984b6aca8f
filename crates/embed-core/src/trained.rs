/// Set of rows of a table `[n]`, a bit a row: which rows a training changed.
///
/// ```
/// use embed_core::RowMask;
///
/// let trained = RowMask::from_fn(4, |row| row != 2);
/// assert_eq!((trained.len(), trained.count()), (4, 3));
/// assert!(!trained.contains(2) && !trained.contains(9));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RowMask {
    /// Invariant: `len.div_ceil(64)` words, no bit set at or beyond `len`.
    words: Vec<u64>,
    len: usize,
    /// Invariant: the number of set bits.
    count: usize,
}

impl RowMask {
    /// Rows `0..len` for which `holds`.
    #[must_use]
    pub fn from_fn(len: usize, mut holds: impl FnMut(usize) -> bool) -> Self {
        let mut words = vec![0u64; len.div_ceil(64)];
        for row in 0..len {
            words[row / 64] |= u64::from(holds(row)) << (row % 64);
        }
        Self::from_words(words, len)
    }

    /// Stored form: row `i` is bit `i % 64` of word `i / 64`. Missing words hold no row, bits beyond `len` are
    /// cleared.
    #[must_use]
    pub fn from_words(mut words: Vec<u64>, len: usize) -> Self {
        words.resize(len.div_ceil(64), 0);
        if let Some(last) = words.last_mut()
            && !len.is_multiple_of(64)
        {
            *last &= (1 << (len % 64)) - 1;
        }
        let count = words.iter().map(|word| word.count_ones() as usize).sum();
        Self { words, len, count }
    }

    /// Words of the stored form, `len.div_ceil(64)` of them.
    #[must_use]
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// Number of rows of the table.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Absence of rows in the table.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Number of rows in the set.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// Fullness: true where every row of the table is in the set.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.count == self.len
    }

    /// Membership of the row in the set; false beyond the table. O(1).
    #[must_use]
    #[inline]
    pub fn contains(&self, row: usize) -> bool {
        self.words.get(row / 64).is_some_and(|word| word >> (row % 64) & 1 == 1)
    }

    /// Rows of the set, ascending.
    pub fn rows(&self) -> impl Iterator<Item = usize> {
        (0..self.len).filter(|&row| self.contains(row))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_beyond_the_table_do_not_count() {
        let mask = RowMask::from_words(vec![u64::MAX, u64::MAX], 65);
        assert_eq!((mask.count(), mask.is_full(), mask.words()), (65, true, &[u64::MAX, 1][..]));
        assert_eq!(RowMask::from_words(Vec::new(), 3).rows().count(), 0);
        assert!(RowMask::from_fn(0, |_| true).is_full());
        let thirds = RowMask::from_fn(130, |row| row % 3 == 0);
        assert_eq!(thirds.rows().collect::<Vec<_>>(), (0..130).step_by(3).collect::<Vec<_>>());
        assert_eq!(RowMask::from_words(thirds.words().to_vec(), 130), thirds);
    }
}
