//! What near means: to a query, and between the vectors of a graph that is being built.

use embed_core::{Metric, kernel};
use rayon::prelude::*;

use super::beam::Costs;
use crate::scoring::{Scoring, norm};

/// A query against a table.
#[derive(Clone, Copy)]
pub(crate) struct L2<'a> {
    pub(crate) query: &'a [f32],
    pub(crate) table: &'a [f32],
}

/// A query against a table; the cost is minus the product.
#[derive(Clone, Copy)]
pub(crate) struct Dot<'a> {
    pub(crate) query: &'a [f32],
    pub(crate) table: &'a [f32],
}

impl Costs for L2<'_> {
    #[inline]
    fn prefetch(&self, node: u32) {
        kernel::prefetch_row(self.table, self.query.len(), node);
    }

    #[inline]
    fn costs(&self, nodes: &[u32], costs: &mut [f32]) {
        kernel::squared_l2_gather(self.query, self.table, nodes, costs);
    }
}

impl Costs for Dot<'_> {
    #[inline]
    fn prefetch(&self, node: u32) {
        kernel::prefetch_row(self.table, self.query.len(), node);
    }

    #[inline]
    fn costs(&self, nodes: &[u32], costs: &mut [f32]) {
        kernel::dot_gather(self.query, self.table, nodes, costs);
        costs.iter_mut().for_each(|c| *c = -*c);
    }
}

/// The squared distances by which a graph is built. Under the similarities they are those of vectors with one
/// more component, √(R² − |x|²) with R the longest length, which makes the largest product the nearest
/// neighbour (Bachrach et al. 2014). The table itself is not copied.
#[derive(Clone, Copy)]
pub(crate) struct Space<'a> {
    pub(crate) table: &'a [f32],
    pub(crate) dim: usize,
    /// The extra component of each row; none under L2.
    pub(crate) extra: &'a [f32],
}

impl<'a> Space<'a> {
    pub(crate) fn row(&self, node: u32) -> &'a [f32] {
        &self.table[node as usize * self.dim..(node as usize + 1) * self.dim]
    }

    /// Distances from a row.
    pub(crate) fn from(&self, node: u32) -> FromRow<'a> {
        let query = self.row(node);
        FromRow {
            l2: L2 { query, table: self.table },
            extra: self.extra,
            own: self.extra.get(node as usize).copied().unwrap_or_default(),
        }
    }
}

/// A row as the query, in the space of a build.
#[derive(Clone, Copy)]
pub(crate) struct FromRow<'a> {
    l2: L2<'a>,
    extra: &'a [f32],
    own: f32,
}

impl Costs for FromRow<'_> {
    #[inline]
    fn prefetch(&self, node: u32) {
        self.l2.prefetch(node);
    }

    #[inline]
    fn costs(&self, nodes: &[u32], costs: &mut [f32]) {
        self.l2.costs(nodes, costs);
        if !self.extra.is_empty() {
            for (cost, &node) in costs.iter_mut().zip(nodes) {
                let step = self.own - self.extra[node as usize];
                *cost += step * step;
            }
        }
    }
}

/// The extra components of a table's rows.
pub(crate) fn extra_components(metric: Metric, table: &[f32], dim: usize) -> Vec<f32> {
    if Scoring::of(metric) == Scoring::L2 {
        return Vec::new();
    }
    let norms: Vec<f64> = table.par_chunks(dim).map(norm).collect();
    #[expect(clippy::cast_possible_truncation, reason = "rounded to the precision of the vectors")]
    let extra = |rest: f64| rest.max(0.0).sqrt() as f32;
    if metric == Metric::Cosine {
        // Lengths are 1 up to rounding, or 0.
        return norms.iter().map(|&n| if n > 0.5 { 0.0 } else { 1.0 }).collect();
    }
    let longest = norms.iter().copied().fold(0.0, f64::max);
    norms.iter().map(|&n| extra((longest - n) * (longest + n))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_product_is_the_nearest_extended_vector() {
        let table = [3.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0];
        let extra = extra_components(Metric::InnerProduct, &table, 2);
        assert_eq!(extra, [0.0, 8f32.sqrt(), 7f32.sqrt(), 3.0]);
        let space = Space { table: &table, dim: 2, extra: &extra };
        for a in 0..4 {
            for b in 0..4 {
                let dot = kernel::dot(space.row(a), space.row(b));
                let products = dot + extra[a as usize] * extra[b as usize];
                assert!((space.from(a).cost(b) - (18.0 - 2.0 * products)).abs() < 1e-5);
            }
        }
        assert!(extra_components(Metric::L2, &table, 2).is_empty());
        assert_eq!(extra_components(Metric::Cosine, &[0.6, 0.8, 0.0, 0.0], 2), [0.0, 1.0]);
    }
}
