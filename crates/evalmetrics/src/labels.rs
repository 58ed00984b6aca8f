use embed_core::{Csr, ItemId};

/// What each item is labelled with: one category, several (the genres of a film), or none.
///
/// Memory: 4 bytes a label of an item, 8 bytes an item.
///
/// ```
/// use evalmetrics::Labels;
///
/// let shelves = Labels::single([Some(7), None, Some(9), Some(7)]);
/// assert_eq!((shelves.n_labels(), shelves.n_labelled()), (2, 3));
/// assert!(shelves.shared(0, 3) && !shelves.shared(0, 2) && !shelves.shared(1, 1));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Labels {
    /// Invariant: rows ascending without repeats, entries below `names.len()`.
    rows: Csr,
    /// The labels as they were given, ascending.
    names: Vec<u32>,
}

impl Labels {
    /// At most one label an item, any numbers.
    pub fn single(labels: impl IntoIterator<Item = Option<u32>>) -> Self {
        Self::several(&Csr::from_rows(labels.into_iter().map(|label| label.into_iter().collect::<Vec<_>>())))
    }

    /// Any number of labels an item: one row an item, any numbers, repeats count once.
    #[must_use]
    pub fn several(rows: &Csr) -> Self {
        let mut names: Vec<u32> = rows.rows().flatten().copied().collect();
        names.sort_unstable();
        names.dedup();
        let number = |label: &u32| names.binary_search(label).ok().and_then(|at| u32::try_from(at).ok());
        let numbered = rows.rows().map(|row| row.iter().filter_map(number).collect::<Vec<_>>());
        Self { rows: Csr::from_rows(numbered).to_sorted_sets(), names }
    }

    /// Number of items, with and without labels.
    #[must_use]
    pub fn n_items(&self) -> usize {
        self.rows.n_rows()
    }

    /// Number of different labels.
    #[must_use]
    pub fn n_labels(&self) -> usize {
        self.names.len()
    }

    /// Number of items that have a label.
    #[must_use]
    pub fn n_labelled(&self) -> usize {
        self.rows.rows().filter(|row| !row.is_empty()).count()
    }

    /// The labels of an item as numbers below `n_labels`, ascending.
    #[must_use]
    pub fn of(&self, item: ItemId) -> &[u32] {
        self.rows.row(item as usize)
    }

    /// The label as it was given, of a number below `n_labels`.
    #[must_use]
    pub fn name(&self, number: u32) -> Option<u32> {
        self.names.get(number as usize).copied()
    }

    /// Whether two items have a label in common.
    #[must_use]
    pub fn shared(&self, a: ItemId, b: ItemId) -> bool {
        let b = self.of(b);
        self.of(a).iter().any(|label| b.binary_search(label).is_ok())
    }

    /// How many items have each label, `[n_labels]`.
    #[must_use]
    pub fn sizes(&self) -> Vec<usize> {
        let mut sizes = vec![0; self.n_labels()];
        self.rows.rows().flatten().for_each(|&label| sizes[label as usize] += 1);
        sizes
    }

    /// All rows.
    pub(crate) fn rows(&self) -> impl ExactSizeIterator<Item = &[u32]> {
        self.rows.rows()
    }
}
