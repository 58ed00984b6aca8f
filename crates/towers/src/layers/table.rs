use embed_core::kernel::{self, Term, prefetch_row};
use embed_core::{ItemId, SeededRng};
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis};
use ndarray_rand::RandomExt;
use ndarray_rand::rand_distr::Normal;
use rayon::prelude::*;

use super::Tensor;
use super::bag::{Bag, BagPool};
use crate::matrix::{ROWS, per_task, row, values};

/// Rows of the next bag that are asked for while one is summed.
const AHEAD: usize = 8;

/// Vectors of ids `[n, dim]`, of which a batch touches few rows. 4 · dim bytes a row, and what the optimiser keeps.
#[derive(Debug, Clone)]
pub struct Table {
    /// The rows, in standard layout.
    pub value: Array2<f32>,
    /// What the optimiser keeps; empty before the first step.
    pub state: Vec<f32>,
    /// Gradients of rows since the last step.
    pub gradients: RowGradients,
}

/// Gradients of rows of a table: each entry says that a row of the table gets a vector times a weight. 12 bytes an entry and
/// 4 · dim a vector. The key of a term is the row of the table.
#[derive(Debug, Clone, Default)]
pub struct RowGradients {
    pub(crate) vectors: Vec<f32>,
    pub(crate) entries: Vec<Term>,
    spare: Vec<Term>,
    /// Where the entries of each touched row begin, once sorted.
    pub(crate) starts: Vec<usize>,
}

impl Table {
    /// Rows from a normal law of this deviation.
    #[must_use]
    pub fn normal(n: usize, dim: usize, deviation: f32, rng: &mut SeededRng) -> Self {
        let value = match Normal::new(0.0, deviation) {
            Ok(law) => Array2::random_using((n, dim), law, rng),
            Err(_) => Array2::zeros((n, dim)),
        };
        Self::from_rows(value)
    }

    /// These rows.
    #[must_use]
    pub fn from_rows(value: Array2<f32>) -> Self {
        let value = value.as_standard_layout().into_owned();
        Self { value, state: Vec::new(), gradients: RowGradients::default() }
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.value.nrows()
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Components of a row.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.value.ncols()
    }

    /// The values, row after row.
    #[must_use]
    pub fn values(&self) -> &[f32] {
        values(&self.value)
    }

    /// A row.
    ///
    /// # Panics
    /// When there is none of that number.
    #[must_use]
    pub fn row(&self, id: ItemId) -> &[f32] {
        &self.values()[id as usize * self.dim()..][..self.dim()]
    }

    /// Copies the rows of `ids` into `out` `[ids.len(), dim]`.
    ///
    /// # Panics
    /// When an id has no row, or the shapes do not fit.
    pub fn gather(&self, ids: &[ItemId], mut out: ArrayViewMut2<'_, f32>) {
        assert_eq!(out.dim(), (ids.len(), self.dim()), "shape of gathered rows");
        let least = per_task(self.dim());
        let blocks = out.axis_chunks_iter_mut(Axis(0), ROWS).into_par_iter().zip(ids.par_chunks(ROWS));
        blocks.with_min_len(least).for_each(|(mut out, ids)| {
            for (i, (mut out, &id)) in out.rows_mut().into_iter().zip(ids).enumerate() {
                if let Some(&next) = ids.get(i + 4) {
                    prefetch_row(self.values(), self.dim(), next);
                }
                out.as_slice_mut().unwrap_or_default().copy_from_slice(self.row(id));
            }
        });
    }

    /// Sums or means of the rows of each bag into `out` `[bags, dim]`; an empty bag gives zeros. O(ids · dim).
    ///
    /// # Panics
    /// When an id has no row, or the shapes do not fit.
    pub fn bag(&self, bag: &Bag, pool: BagPool, mut out: ArrayViewMut2<'_, f32>) {
        assert_eq!(out.dim(), (bag.len(), self.dim()), "shape of bags");
        let at_once = ROWS / 8;
        out.axis_chunks_iter_mut(Axis(0), at_once).into_par_iter().enumerate().for_each(
            |(block, mut out)| {
                for (i, mut out) in (block * at_once..).zip(out.rows_mut()) {
                    self.prefetch(bag.get(i + 1));
                    self.bag_row(bag.get(i), pool, out.as_slice_mut().unwrap_or_default());
                }
            },
        );
    }

    /// One bag into `[dim]`, without allocating.
    ///
    /// # Panics
    /// When an id has no row, or the length differs.
    pub fn bag_row(&self, ids: &[ItemId], pool: BagPool, out: &mut [f32]) {
        assert_eq!(out.len(), self.dim(), "components of a row");
        kernel::sum_gathered(self.values(), ids, pool.weight(ids.len()), out);
    }

    /// Asks for the first rows of a bag to be brought into the cache, without waiting: its sum asks for those after them.
    pub(crate) fn prefetch(&self, ids: &[ItemId]) {
        ids.iter().take(AHEAD).for_each(|&id| prefetch_row(self.values(), self.dim(), id));
    }

    /// Whether every id has a row; the first that has none.
    #[must_use]
    pub fn unknown(&self, ids: &[ItemId]) -> Option<ItemId> {
        // The largest says whether there is one, and vectorises.
        let most = ids.iter().copied().max()?;
        if (most as usize) < self.len() {
            None
        } else {
            ids.iter().copied().find(|&id| id as usize >= self.len())
        }
    }

    /// The rows under a name, as they are saved.
    #[must_use]
    pub fn tensor(&self, name: &str) -> Tensor<'_> {
        Tensor { name: name.to_owned(), shape: self.value.dim(), values: self.values() }
    }
}

impl RowGradients {
    /// Whether no row has a gradient.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The gradient of row `ids[i]` gets row `i` of `gradients`. A row of zeros touches nothing.
    ///
    /// # Panics
    /// When there are not as many ids as rows.
    #[expect(clippy::cast_possible_truncation, reason = "a batch has fewer than 2³² vectors")]
    pub fn add_rows(&mut self, ids: &[ItemId], gradients: ArrayView2<'_, f32>) {
        assert_eq!(ids.len(), gradients.nrows(), "an id for each row");
        self.starts.clear();
        let mut vector = self.vectors.len() / gradients.ncols().max(1);
        for (i, &id) in ids.iter().enumerate() {
            let gradient = row(&gradients, i);
            if gradient.iter().fold(0, |bits, g| bits | g.to_bits()) << 1 != 0 {
                self.vectors.extend_from_slice(gradient);
                self.entries.push(Term { key: id, row: vector as u32, weight: 1.0 });
                vector += 1;
            }
        }
    }

    /// The gradients of the rows of each bag get row `i` of `gradients`, weighted as they were pooled.
    ///
    /// # Panics
    /// When there are not as many bags as rows.
    pub fn add_bags(&mut self, bag: &Bag, pool: BagPool, gradients: ArrayView2<'_, f32>) {
        assert_eq!(bag.len(), gradients.nrows(), "a bag for each row");
        let first = self.push(gradients);
        for (i, vector) in (0..bag.len()).zip(first..) {
            let weight = pool.weight(bag.get(i).len());
            self.entries.extend(bag.get(i).iter().map(|&id| Term { key: id, row: vector, weight }));
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "a batch has fewer than 2³² vectors")]
    fn push(&mut self, gradients: ArrayView2<'_, f32>) -> u32 {
        self.starts.clear();
        let first = self.vectors.len() / gradients.ncols().max(1);
        for i in 0..gradients.nrows() {
            self.vectors.extend_from_slice(row(&gradients, i));
        }
        first as u32
    }

    /// Forgets all of them and keeps the memory.
    pub fn clear(&mut self) {
        self.vectors.clear();
        self.entries.clear();
        self.starts.clear();
    }

    /// Sorts the entries by row, those of a row in the order they came (a radix sort), and finds where rows begin. O(entries).
    pub(crate) fn sort(&mut self) {
        const BITS: u32 = 11;
        const MASK: u32 = (1 << BITS) - 1;
        let most = self.entries.iter().map(|entry| entry.key).max().unwrap_or(0);
        let mut shift = 0;
        while shift < u32::BITS && (shift == 0 || most >> shift > 0) {
            let mut ends = [0usize; 1 << BITS];
            for entry in &self.entries {
                ends[(entry.key >> shift & MASK) as usize] += 1;
            }
            let mut at = 0;
            for end in &mut ends {
                at += std::mem::replace(end, at);
            }
            self.spare.resize(self.entries.len(), Term::default());
            for entry in &self.entries {
                let place = &mut ends[(entry.key >> shift & MASK) as usize];
                self.spare[*place] = *entry;
                *place += 1;
            }
            std::mem::swap(&mut self.entries, &mut self.spare);
            shift += BITS;
        }
        self.starts.clear();
        let new = |i: &usize| *i == 0 || self.entries[*i].key != self.entries[*i - 1].key;
        self.starts.extend((0..self.entries.len()).filter(new));
        self.starts.push(self.entries.len());
    }

    /// The sum of the gradients of the `n`-th touched row into `[dim]`.
    #[inline]
    pub(crate) fn sum(&self, n: usize, out: &mut [f32]) {
        kernel::sum_terms(&self.vectors, &self.entries[self.starts[n]..self.starts[n + 1]], out);
    }

    /// The id of the `n`-th touched row.
    pub(crate) fn id(&self, n: usize) -> ItemId {
        self.entries[self.starts[n]].key
    }

    /// How many rows have a gradient, once sorted.
    pub(crate) fn n_touched(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn sums_are_those_of_a_dense_gradient(ids in proptest::collection::vec(0u32..5000, 1..200)) {
            let mut gradients = RowGradients::default();
            let vectors = crate::layers::testing::random(ids.len(), 3, 1);
            let mut bag = Bag::new();
            bag.push(&ids);
            gradients.add_rows(&ids, vectors.view());
            gradients.add_bags(&bag, BagPool::Mean, vectors.slice(ndarray::s![..1, ..]));
            let mut dense = Array2::<f32>::zeros((5000, 3));
            for (&id, row) in ids.iter().zip(vectors.rows()) {
                let mut to = dense.row_mut(id as usize);
                to += &row;
                to.scaled_add(1.0 / ids.len() as f32, &vectors.row(0));
            }
            gradients.sort();
            let mut touched = Vec::new();
            for n in 0..gradients.n_touched() {
                let mut sum = [0.0; 3];
                gradients.sum(n, &mut sum);
                let id = gradients.id(n);
                prop_assert!(sum.iter().zip(dense.row(id as usize)).all(|(a, b)| (a - b).abs() < 1e-4));
                touched.push(id);
            }
            let mut expected = ids.clone();
            expected.sort_unstable();
            expected.dedup();
            prop_assert_eq!(touched, expected);
        }
    }

    #[test]
    fn a_row_of_zeros_touches_nothing() {
        let mut gradients = RowGradients::default();
        gradients.add_rows(&[4, 1, 4], array![[0.0, -0.0], [1.0, 0.0], [0.0, f32::NAN]].view());
        gradients.sort();
        assert_eq!((gradients.n_touched(), gradients.id(0), gradients.id(1)), (2, 1, 4));
        let mut sum = [0.0; 2];
        gradients.sum(1, &mut sum);
        assert!(sum[1].is_nan(), "what is no number is not lost");
    }

    #[test]
    fn bags_are_sums_and_means_of_rows() {
        let table = Table::from_rows(array![[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]);
        let mut bag = Bag::new();
        bag.push(&[0, 2, 2]);
        bag.push(&[]);
        let mut out = Array2::from_elem((2, 2), f32::NAN);
        table.bag(&bag, BagPool::Mean, out.view_mut());
        assert!((out[[0, 0]] - 11.0 / 3.0).abs() < 1e-6 && out.row(1) == array![0.0, 0.0]);
        table.bag(&bag, BagPool::Sum, out.view_mut());
        assert_eq!(out, array![[11.0, 14.0], [0.0, 0.0]]);
        assert_eq!((table.unknown(&[2, 3]), table.unknown(&[0])), (Some(3), None));
    }
}
