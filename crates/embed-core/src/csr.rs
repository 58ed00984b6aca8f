use crate::ItemId;

/// Ragged rows of item ids, compressed: what each user has, what each session holds, who is whose neighbour.
///
/// Memory: 8 bytes a row, 4 bytes an entry, and 4 more with values.
#[derive(Debug, Clone, PartialEq)]
pub struct Csr {
    /// Invariant: starts at 0, non-decreasing, ends at `indices.len()`.
    offsets: Vec<usize>,
    indices: Vec<ItemId>,
    /// Invariant: empty, or as long as `indices`.
    values: Vec<f32>,
}

/// Why arrays do not make a [`Csr`].
#[derive(Debug, thiserror::Error, PartialEq)]
#[non_exhaustive]
pub enum CsrError {
    /// Offsets do not start at 0, fall, or do not end at the number of entries.
    #[error("row offset {position} is {got}, expected {expected}")]
    Offsets {
        /// Which offset.
        position: usize,
        /// Its value.
        got: usize,
        /// What it must be or at least be.
        expected: usize,
    },
    /// Another number of values than entries.
    #[error("{got} values for {expected} entries")]
    Values {
        /// Number of entries.
        expected: usize,
        /// Number of values.
        got: usize,
    },
    /// A row number outside the matrix.
    #[error("row {row} of a matrix of {n_rows} rows")]
    Row {
        /// The row.
        row: usize,
        /// Number of rows.
        n_rows: usize,
    },
}

impl Csr {
    /// Rows from their compressed arrays; `values` is empty or one a entry.
    ///
    /// # Errors
    /// - [`CsrError::Offsets`] when they do not describe `indices`.
    /// - [`CsrError::Values`] when there are values, but not one for each entry.
    pub fn new(offsets: Vec<usize>, indices: Vec<ItemId>, values: Vec<f32>) -> Result<Self, CsrError> {
        let first = offsets.first().copied().unwrap_or(usize::MAX);
        if first != 0 {
            return Err(CsrError::Offsets { position: 0, got: first, expected: 0 });
        }
        if let Some(position) = (1..offsets.len()).find(|&i| offsets[i] < offsets[i - 1]) {
            return Err(CsrError::Offsets {
                position,
                got: offsets[position],
                expected: offsets[position - 1],
            });
        }
        let last = offsets[offsets.len() - 1];
        if last != indices.len() {
            return Err(CsrError::Offsets {
                position: offsets.len() - 1,
                got: last,
                expected: indices.len(),
            });
        }
        if !values.is_empty() && values.len() != indices.len() {
            return Err(CsrError::Values { expected: indices.len(), got: values.len() });
        }
        Ok(Self { offsets, indices, values })
    }

    /// `n_rows` rows from (row, entry) pairs in any order; a row keeps the order of its pairs. O(rows + pairs).
    ///
    /// # Errors
    /// [`CsrError::Row`] when a pair names a row that is not there.
    pub fn from_pairs(n_rows: usize, pairs: &[(u32, ItemId)]) -> Result<Self, CsrError> {
        let mut offsets = vec![0usize; n_rows + 1];
        for &(row, _) in pairs {
            let slot =
                offsets.get_mut(row as usize + 1).ok_or(CsrError::Row { row: row as usize, n_rows })?;
            *slot += 1;
        }
        for row in 0..n_rows {
            offsets[row + 1] += offsets[row];
        }
        let mut next = offsets.clone();
        let mut indices = vec![0; pairs.len()];
        for &(row, item) in pairs {
            let slot = &mut next[row as usize];
            indices[*slot] = item;
            *slot += 1;
        }
        Ok(Self { offsets, indices, values: Vec::new() })
    }

    /// Rows from slices.
    pub fn from_rows<R: AsRef<[ItemId]>>(rows: impl IntoIterator<Item = R>) -> Self {
        let mut offsets = vec![0];
        let mut indices = Vec::new();
        for row in rows {
            indices.extend_from_slice(row.as_ref());
            offsets.push(indices.len());
        }
        Self { offsets, indices, values: Vec::new() }
    }

    /// Number of rows.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Number of entries over all rows.
    #[must_use]
    pub fn n_entries(&self) -> usize {
        self.indices.len()
    }

    /// The entries of a row; empty for a row that is not there.
    #[must_use]
    pub fn row(&self, row: usize) -> &[ItemId] {
        match (self.offsets.get(row), self.offsets.get(row + 1)) {
            (Some(&start), Some(&end)) => &self.indices[start..end],
            _ => &[],
        }
    }

    /// The values of a row; empty when there are none.
    #[must_use]
    pub fn row_values(&self, row: usize) -> &[f32] {
        match (self.offsets.get(row), self.offsets.get(row + 1)) {
            (Some(&start), Some(&end)) if !self.values.is_empty() => &self.values[start..end],
            _ => &[],
        }
    }

    /// All rows in order.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[ItemId]> {
        self.offsets.windows(2).map(|pair| &self.indices[pair[0]..pair[1]])
    }

    /// The same rows with each one's entries in ascending order and no entry twice; values are dropped.
    #[must_use]
    pub fn to_sorted_sets(&self) -> Self {
        let mut offsets = vec![0];
        let mut indices = Vec::with_capacity(self.indices.len());
        let mut row_items = Vec::new();
        for row in self.rows() {
            row_items.clear();
            row_items.extend_from_slice(row);
            row_items.sort_unstable();
            row_items.dedup();
            indices.extend_from_slice(&row_items);
            offsets.push(indices.len());
        }
        Self { offsets, indices, values: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_keep_their_order_within_a_row() {
        let csr = Csr::from_pairs(3, &[(2, 9), (0, 5), (2, 1), (0, 5)]).unwrap();
        assert_eq!(csr.rows().collect::<Vec<_>>(), [&[5, 5][..], &[], &[9, 1]]);
        assert_eq!(csr.to_sorted_sets().row(2), [1, 9]);
        assert_eq!(csr.row(7), [0u32; 0]);
        assert_eq!(Csr::from_pairs(1, &[(1, 0)]).unwrap_err(), CsrError::Row { row: 1, n_rows: 1 });
    }

    #[test]
    fn offsets_that_lie_are_refused() {
        assert!(Csr::new(vec![], vec![], vec![]).is_err());
        assert!(Csr::new(vec![0, 2, 1], vec![1, 2], vec![]).is_err());
        assert!(Csr::new(vec![0, 1], vec![1, 2], vec![]).is_err());
        assert!(Csr::new(vec![0, 2], vec![1, 2], vec![0.5]).is_err());
        assert_eq!(Csr::new(vec![0, 2], vec![1, 2], vec![0.5, 1.5]).unwrap().row_values(0), [0.5, 1.5]);
    }
}
