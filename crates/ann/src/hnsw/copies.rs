//! Equal vectors share a node: a graph over copies would be full of links that lead nowhere new.

use std::cmp::Ordering;

use embed_core::ItemId;
use rayon::prelude::*;

/// The rows of a table, equal ones together.
pub(super) struct Groups {
    /// The rows, group after group, ascending within a group.
    rows: Vec<ItemId>,
    /// Where each group starts in `rows`, ordered by their first row; and the end.
    groups: Vec<(u32, u32)>,
}

/// Rows of `dim` values that are equal in every component. O(n · (dim + log n)), and O(dim) for each
/// comparison of copies.
pub(super) fn group(table: &[f32], dim: usize) -> Groups {
    let row = |id: ItemId| &table[id as usize * dim..(id as usize + 1) * dim];
    let hashes: Vec<u64> = table.par_chunks(dim).map(hash).collect();
    let mut sorted: Vec<(u64, ItemId)> = hashes.into_iter().zip(0..).collect();
    sorted.par_sort_unstable_by(|a, b| {
        a.0.cmp(&b.0).then_with(|| compare(row(a.1), row(b.1))).then(a.1.cmp(&b.1))
    });
    let mut groups = Vec::with_capacity(sorted.len());
    let mut start = 0;
    for group in sorted.chunk_by(|a, b| a.0 == b.0 && compare(row(a.1), row(b.1)).is_eq()) {
        #[expect(clippy::cast_possible_truncation, reason = "a graph has fewer than 2³¹ rows")]
        let end = start + group.len() as u32;
        groups.push((start, end));
        start = end;
    }
    let rows: Vec<ItemId> = sorted.into_iter().map(|(_, row)| row).collect();
    groups.par_sort_unstable_by_key(|&(start, _)| rows[start as usize]);
    Groups { rows, groups }
}

impl Groups {
    /// Number of different vectors.
    pub(super) fn len(&self) -> usize {
        self.groups.len()
    }

    /// The rows of a group, ascending.
    pub(super) fn rows(&self, group: u32) -> &[ItemId] {
        let (start, end) = self.groups[group as usize];
        &self.rows[start as usize..end as usize]
    }

    /// Rows of the largest group.
    pub(super) fn largest(&self) -> usize {
        self.groups.iter().map(|(start, end)| (end - start) as usize).max().unwrap_or(0)
    }
}

/// An order in which exactly the equal vectors are equal. −0 equals 0.
fn compare(a: &[f32], b: &[f32]) -> Ordering {
    let different = a.iter().zip(b).map(|(x, y)| (x + 0.0).total_cmp(&(y + 0.0)));
    different.into_iter().find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

fn hash(row: &[f32]) -> u64 {
    row.iter().fold(0, |hash: u64, x| {
        let mixed = (hash ^ u64::from((x + 0.0).to_bits())).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        mixed ^ mixed >> 29
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_rows_come_together_in_order() {
        let groups = group(&[1.0, 2.0, 0.0, 0.0, 1.0, 2.0, 2.0, 1.0, -0.0, 0.0, 1.0, 2.0], 2);
        let all: Vec<&[u32]> = (0..3).map(|g| groups.rows(g)).collect();
        assert_eq!((groups.len(), groups.largest(), all), (3, 3, vec![&[0, 2, 5][..], &[1, 4], &[3]]));
        assert_eq!((group(&[], 3).len(), group(&[], 3).largest()), (0, 0));
    }
}
