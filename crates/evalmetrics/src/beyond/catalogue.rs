use embed_core::{Csr, ItemId};
use ndarray::ArrayView2;

use super::BeyondError;
use crate::Labels;

/// What is known about items and users. Everything but the counts may be missing; what needs it is then not
/// in the report.
///
/// ```
/// use evalmetrics::beyond::Catalogue;
///
/// let counts = [3, 2, 2];
/// let catalogue = Catalogue { first_seen: Some(&[Some(10), None, Some(40)]), now: 100, ..Catalogue::new(&counts) };
/// # let _ = catalogue;
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Catalogue<'a> {
    /// Interactions of each item in training, `[n_items]`.
    pub counts: &'a [u64],
    /// What each user has in training: they are no candidates of the user's list of bestsellers, and their
    /// categories are what calibration compares with.
    pub histories: Option<&'a Csr>,
    /// What each user turned out to take, for serendipity.
    pub truth: Option<&'a Csr>,
    /// Vectors of the items, `[n_items, dim]`, for the diversity of lists.
    pub vectors: Option<ArrayView2<'a, f32>>,
    /// Categories of the items, for calibration.
    pub categories: Option<&'a Labels>,
    /// When each item first appeared, in seconds, `[n_items]`, for freshness.
    pub first_seen: Option<&'a [Option<i64>]>,
    /// The moment at which the lists are shown, in seconds.
    pub now: i64,
}

impl<'a> Catalogue<'a> {
    /// A catalogue of which the interactions of each item are known, `[n_items]`.
    #[must_use]
    pub fn new(counts: &'a [u64]) -> Self {
        Self {
            counts,
            histories: None,
            truth: None,
            vectors: None,
            categories: None,
            first_seen: None,
            now: 0,
        }
    }

    pub(super) fn n_items(&self) -> usize {
        self.counts.len()
    }

    pub(super) fn check(&self, lists: &Csr) -> Result<(), BeyondError> {
        let expected = self.n_items();
        if expected == 0 {
            return Err(BeyondError::NoItems);
        }
        let of_items = [
            ("vectors", self.vectors.map(|vectors| vectors.nrows())),
            ("categories", self.categories.map(Labels::n_items)),
            ("times", self.first_seen.map(<[_]>::len)),
        ];
        for (what, got) in of_items {
            if let Some(got) = got.filter(|&got| got != expected) {
                return Err(BeyondError::Items { what, expected, got });
            }
        }
        let expected = lists.n_rows();
        let of_users =
            [("histories", self.histories.map(Csr::n_rows)), ("truth", self.truth.map(Csr::n_rows))];
        for (what, got) in of_users {
            if let Some(got) = got.filter(|&got| got != expected) {
                return Err(BeyondError::Users { what, expected, got });
            }
        }
        if let Some(vectors) = self.vectors
            && let Some(((item, column), &value)) =
                vectors.indexed_iter().find(|(_, value)| !value.is_finite())
        {
            return Err(BeyondError::NotFinite { item, column, value });
        }
        Ok(())
    }
}

/// The first `cutoff` of each list, every item known and there once.
pub(super) fn cut(lists: &Csr, cutoff: usize, n_items: usize) -> Result<Vec<&[ItemId]>, BeyondError> {
    if cutoff == 0 {
        return Err(BeyondError::ZeroCutoff);
    }
    let mut places = Vec::new();
    for (user, list) in lists.rows().enumerate() {
        if let Some(&item) = list.iter().find(|&&item| item as usize >= n_items) {
            return Err(BeyondError::UnknownItem { user, item, n_items });
        }
        places.clear();
        places.extend(list.iter().copied().zip(1..));
        places.sort_unstable();
        if let Some(pair) = places.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            let ((item, first), (_, second)) = (pair[0], pair[1]);
            return Err(BeyondError::DuplicateItem { user, item, first, second });
        }
    }
    if lists.n_entries() == 0 {
        return Err(BeyondError::NoLists { users: lists.n_rows() });
    }
    Ok(lists.rows().map(|list| &list[..list.len().min(cutoff)]).collect())
}
