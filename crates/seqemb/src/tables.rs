use std::sync::RwLock;

use embed_core::SeededRng;
use embed_core::kernel::logistic::Lane;
use ndarray::{Array2, ArrayView1, Axis};

use crate::huffman::Huffman;

/// Parts that each table is cut into. Row `i` is slot `i / PARTS` of part `i % PARTS`, so that frequent items,
/// whose ids often lie together, spread over all parts. A power of two, whatever the threads.
pub(crate) const PARTS: usize = 8;
pub(crate) const PART_BITS: u32 = PARTS.trailing_zeros();

/// Part of an item's row.
#[inline]
pub(crate) fn part(item: u32) -> usize {
    item as usize % PARTS
}

/// Slot of an item's row in its part.
#[inline]
pub(crate) fn slot(item: u32) -> u32 {
    item >> PART_BITS
}

/// Vectors `[n_items, dim]` in parts that threads can hold separately. `4 · dim` bytes an item, with `dim`
/// rounded up to a multiple of 16.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    pub(crate) parts: Vec<Vec<Lane>>,
    n_items: usize,
    dim: usize,
}

impl Table {
    /// All zeros; `None` when it does not fit into the address space.
    pub(crate) fn zeros(n_items: usize, dim: usize) -> Option<Self> {
        let lanes = Lane::per_row(dim);
        n_items.checked_mul(lanes)?.checked_mul(size_of::<Lane>()).filter(|&n| isize::try_from(n).is_ok())?;
        let rows = |part: usize| (n_items + PARTS - 1 - part) / PARTS;
        let parts = (0..PARTS).map(|part| vec![Lane::default(); rows(part) * lanes]).collect();
        Some(Self { parts, n_items, dim })
    }

    /// The parts, for threads that read and change them in turn.
    pub(crate) fn locked(&mut self) -> Vec<RwLock<&mut Vec<Lane>>> {
        self.parts.iter_mut().map(RwLock::new).collect()
    }

    /// Rows.
    pub(crate) fn n_rows(&self) -> usize {
        self.n_items
    }

    /// Lanes of a row.
    pub(crate) fn lanes(&self) -> usize {
        Lane::per_row(self.dim)
    }

    /// Uniform in ±1 / dim, as in gensim and fastText; word2vec.c has half of it. A row depends only on the seed and its
    /// number.
    #[expect(clippy::cast_precision_loss, reason = "a dimension is below 2²⁴")]
    pub(crate) fn randomize(&mut self, seed: u64) {
        let (lanes, dim) = (self.lanes(), self.dim);
        for item in 0..self.n_items {
            let mut rng = SeededRng::stream(seed, "skip-gram init", item as u64);
            let row = &mut self.parts[item % PARTS][item / PARTS * lanes..][..lanes];
            for x in row.iter_mut().flat_map(|lane| &mut lane.0).take(dim) {
                *x = (2.0 * rng.unit_f32() - 1.0) / dim as f32;
            }
        }
    }

    /// An item's vector `[dim]`.
    #[inline]
    pub(crate) fn vector(&self, item: u32) -> &[f32] {
        let lanes = self.lanes();
        let row = &self.parts[part(item)][slot(item) as usize * lanes..][..lanes];
        &Lane::components(row)[..self.dim]
    }

    /// Takes over the first rows `[n, dim]`.
    pub(crate) fn copy_rows(&mut self, rows: &[f32]) {
        let (lanes, dim) = (self.lanes(), self.dim);
        for (item, from) in rows.chunks_exact(dim).take(self.n_items).enumerate() {
            let row = &mut self.parts[item % PARTS][item / PARTS * lanes..][..lanes];
            Lane::components_mut(row)[..dim].copy_from_slice(from);
        }
    }

    /// For each item the sum of half of each node's vector on its path, with the sign of the branch, `[n_items, dim]`.
    pub(crate) fn sum_paths(&self, tree: &Huffman, n_items: usize) -> Array2<f32> {
        let mut rows = Array2::zeros((n_items, self.dim));
        for (item, mut row) in (0u32..).zip(rows.rows_mut()) {
            for (node, branch) in tree.path(item) {
                let half = if branch { 0.5 } else { -0.5 };
                row.iter_mut().zip(self.vector(node)).for_each(|(to, from)| *to += half * from);
            }
        }
        rows
    }

    /// Whether every component is finite.
    pub(crate) fn is_finite(&self) -> bool {
        // Not `all`: sums of products with 0, lane by lane, vectorise, and are NaN exactly when a component is not finite.
        self.parts.iter().all(|rows| {
            let mut zeros = Lane::default();
            for lane in rows {
                zeros.0.iter_mut().zip(lane.0).for_each(|(zero, x)| *zero += x * 0.0);
            }
            zeros.0.iter().sum::<f32>() == 0.0
        })
    }

    /// The rows in the order of their ids, `[n_items, dim]`.
    pub(crate) fn to_rows(&self) -> Array2<f32> {
        let mut rows = Array2::zeros((self.n_items, self.dim));
        (0..self.parts.len()).for_each(|part| self.copy_part(part, &mut rows));
        rows
    }

    /// As [`Table::to_rows`]; part after part is given back, so that the copy does not double the peak.
    pub(crate) fn into_rows(mut self) -> Array2<f32> {
        let mut rows = Array2::zeros((self.n_items, self.dim));
        for part in 0..self.parts.len() {
            self.copy_part(part, &mut rows);
            self.parts[part] = Vec::new();
        }
        rows
    }

    fn copy_part(&self, part: usize, rows: &mut Array2<f32>) {
        let of_part = self.parts[part].chunks(self.lanes());
        for (mut rows, from) in rows.axis_chunks_iter_mut(Axis(0), PARTS).zip(of_part) {
            rows.row_mut(part).assign(&ArrayView1::from(&Lane::components(from)[..self.dim]));
        }
    }
}

#[cfg(test)]
impl Table {
    /// The rows in the order of their ids, for naive calculations.
    pub(crate) fn to_f64(&self) -> Vec<Vec<f64>> {
        self.to_rows().rows().into_iter().map(|row| row.mapv(f64::from).to_vec()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_in_their_order() {
        for n_items in [0, 1, PARTS - 1, PARTS, PARTS + 1, 50] {
            let mut table = Table::zeros(n_items, 5).unwrap();
            assert_eq!(table.parts.iter().map(Vec::len).sum::<usize>(), n_items);
            for item in 0..n_items {
                table.parts[item % PARTS][item / PARTS].0[4] = item as f32;
            }
            let rows = table.to_rows();
            assert_eq!(rows.dim(), (n_items, 5));
            assert!((0..n_items).all(|i| rows[[i, 4]] == i as f32 && rows[[i, 0]] == 0.0));
            assert_eq!(table.into_rows(), rows);
        }
        assert!(Table::zeros(usize::MAX / 2, 64).is_none());
    }

    #[test]
    fn random_rows_are_small_and_padded_with_zeros() {
        let mut table = Table::zeros(20, 10).unwrap();
        table.randomize(3);
        for lane in table.parts.iter().flatten() {
            assert!(lane.0[..10].iter().all(|x| x.abs() <= 0.1) && lane.0[..10].iter().any(|x| *x != 0.0));
            assert_eq!(lane.0[10..], [0.0; 6]);
        }
        assert!(table.is_finite());
        for bad in [f32::NAN, f32::INFINITY] {
            table.parts[1][1].0[3] = bad;
            assert!(!table.is_finite());
        }
    }
}
