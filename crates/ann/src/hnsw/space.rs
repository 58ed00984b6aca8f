//! What near means: to a query, and between the vectors of a graph that is being built.

use embed_core::kernel;

use super::beam::Costs;
use super::codes::{Coded, Codes};
use crate::scoring::Scoring;

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

/// The vectors of a graph that is being built, each of which may be the query.
///
/// Under the similarities the cost is minus the product, and need not be a distance.
#[derive(Clone, Copy)]
pub(crate) struct Space<'a> {
    pub(crate) scoring: Scoring,
    pub(crate) table: &'a [f32],
    pub(crate) dim: usize,
    /// The same vectors in bytes, by which costs are then estimated.
    pub(crate) codes: Option<&'a Codes>,
}

impl<'a> Space<'a> {
    /// Costs from a row.
    pub(crate) fn from(&self, node: u32) -> FromRow<'a> {
        if let Some(codes) = self.codes {
            return FromRow::Coded(codes.between(node));
        }
        let query = &self.table[node as usize * self.dim..(node as usize + 1) * self.dim];
        match self.scoring {
            Scoring::L2 => FromRow::L2(L2 { query, table: self.table }),
            Scoring::Dot => FromRow::Dot(Dot { query, table: self.table }),
        }
    }
}

/// A row as the query.
#[derive(Clone, Copy)]
pub(crate) enum FromRow<'a> {
    L2(L2<'a>),
    Dot(Dot<'a>),
    Coded(Coded<'a>),
}

impl Costs for FromRow<'_> {
    #[inline]
    fn prefetch(&self, node: u32) {
        match self {
            Self::L2(row) => row.prefetch(node),
            Self::Dot(row) => row.prefetch(node),
            Self::Coded(row) => row.prefetch(node),
        }
    }

    #[inline]
    fn costs(&self, nodes: &[u32], costs: &mut [f32]) {
        match self {
            Self::L2(row) => row.costs(nodes, costs),
            Self::Dot(row) => row.costs(nodes, costs),
            Self::Coded(row) => row.costs(nodes, costs),
        }
    }
}
