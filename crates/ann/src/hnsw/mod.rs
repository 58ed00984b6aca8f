//! A graph of layers in which a search walks from far to near.

mod augment;
mod beam;
mod build;
mod codes;
mod copies;
mod extend;
mod grow;
pub(crate) mod key;
mod reorder;
mod repair;
mod scratch;
mod search;
mod select;
mod space;

use embed_core::{ItemId, Metric, Run};

use self::beam::Layer;
pub(crate) use self::beam::{Costs, NONE};
pub(crate) use self::build::MAX_LAYERS;
use self::build::arrange;
pub(crate) use self::codes::{Coded, Codes, MAX_DIM as MAX_CODED_DIM, stride as code_stride};
pub(crate) use self::key::Key;
pub(crate) use self::scratch::ScratchPool;
use crate::aligned::Aligned;
use crate::flat::stored_rows;
use crate::id_map::Names;
use crate::scan::{Order, Stored};
use crate::scoring::Scoring;
use crate::tune::Efforts;
use crate::{BuildError, HnswParams, ProductGraph, Vectors};

/// Approximate search in a hierarchical navigable small world graph (Malkov & Yashunin 2018).
///
/// The effort of a request is ef, the width of the search: at least k, by default [`HnswParams::ef_search`].
/// A search looks at a number of rows that grows with ef and hardly with n. Where a filter allows so few rows
/// that looking at all of them costs less, it does that, and the answer is exact.
///
/// *Inner product.* The graph is built over the rows about their mean ([`ProductGraph`]) and searched by the plain
/// product of the rows as they are, at the same cost as any. *Cosine.* Rows are kept at length 1; zero vectors score 0. *Copies.* Equal
/// vectors are one node.
///
/// *Determinism.* The same seed gives the same graph on any number of threads; see [`Hnsw::build`].
///
/// *Memory.* 4 · dim + 8 · m + 8 bytes a row, and about 4 more for the upper layers. While building, at most
/// twice that beside the vectors given.
///
/// *Differs from the paper*: nodes are inserted in batches that do not see each other, an exact tie is pruned
/// from a neighbour list, and nodes that no path leads to are linked after the build.
///
/// ```
/// use ann::{Hnsw, HnswParams};
/// use embed_core::{AnnIndex, Effort, Metric, Run, SearchRequest, testkit};
///
/// let vectors = testkit::clustered(2000, 16, 20, 1);
/// let index = Hnsw::build(&vectors, Metric::L2, &HnswParams::with_m(16), &mut Run::seeded(7))?;
/// let query = vectors.row(42).to_vec();
/// let nearest = index.search(&query, &SearchRequest::k(5).effort(Effort::Value(50)))?;
/// assert_eq!((nearest.len(), nearest[0].id), (5, 42));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Hnsw {
    pub(crate) metric: Metric,
    pub(crate) dim: usize,
    pub(crate) m: usize,
    pub(crate) ef_construction: usize,
    pub(crate) ef_search: usize,
    pub(crate) product_graph: ProductGraph,
    /// The different vectors `[n_nodes, dim]` in the order of the nodes.
    pub(crate) table: Aligned<f32>,
    /// The rows of the nodes, those of a node together.
    pub(crate) ids: Aligned<ItemId>,
    /// Where those of a node start, and the end; empty where all vectors differ.
    pub(crate) starts: Aligned<u32>,
    /// Most rows of a node.
    pub(crate) copies: usize,
    /// The node of each row.
    pub(crate) nodes: Aligned<u32>,
    /// Links of the ground layer, `[n_nodes, 2 m]`, the ends of lists filled with `u32::MAX`.
    pub(crate) ground: Aligned<u32>,
    /// Links of the layers above, one after the other, `[size, m]` each.
    pub(crate) links: Aligned<u32>,
    /// The layers above the ground, lowest first.
    pub(crate) upper: Vec<Upper>,
    /// The vectors in bytes, in the order of the nodes, if the graph is walked over them.
    pub(crate) codes: Option<Codes>,
    pub(crate) report: HnswReport,
    pub(crate) efforts: Efforts,
    pub(crate) space: embed_core::Space,
    pub(crate) names: Names,
    pub(crate) scratch: ScratchPool,
}

/// Where the links of a layer lie, and of how many nodes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Upper {
    pub(crate) start: usize,
    pub(crate) size: usize,
}

/// What a build found out about its graph.
#[derive(Debug, Clone, Copy, PartialEq, Default, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub struct HnswReport {
    /// Different vectors, each a node.
    pub nodes: u64,
    /// Layers, the ground included.
    pub layers: u64,
    /// Links of the ground layer.
    pub links: u64,
    /// Nodes to which no path led from the entry before the repair.
    pub unreachable_before: u64,
    /// Nodes that were given one; all of them.
    pub repaired: u64,
    /// Nodes, evenly spaced, whose own vectors were searched for after the repair; at most a thousand.
    pub self_sampled: u64,
    /// Of these, the ones that were among the 16 nearest found. Far fewer tell of a graph that leads astray.
    pub self_matched: u64,
    /// Length of the longest row over that of the median row. Above 3 the rows of an inner product differ so much
    /// that [`ProductGraph`] matters.
    pub norm_spread: f32,
}

impl Hnsw {
    /// Most rows.
    pub const MAX_ROWS: usize = key::MAX_NODES;

    /// Builds the graph over vectors `[n, dim]`, in parallel.
    ///
    /// About O(n log n) searches of width `ef_construction`. The same seed gives the same graph on any number
    /// of threads.
    ///
    /// # Errors
    /// - [`BuildError::Params`] names the field that is out of range.
    /// - [`BuildError::ZeroDim`], [`BuildError::TooManyRows`], [`BuildError::Keys`] for the shape.
    /// - [`BuildError::NotFinite`] names the first NaN or infinite component.
    /// - [`BuildError::Cancelled`] when the observer stops the run; [`BuildError::Parallelism`].
    pub fn build<'v>(
        vectors: impl Into<Vectors<'v>>,
        metric: Metric,
        params: &HnswParams,
        run: &mut Run<'_>,
    ) -> Result<Self, BuildError> {
        let vectors = vectors.into();
        params.validate()?;
        vectors.check(metric, Self::MAX_ROWS)?;
        let (n, dim) = (vectors.len(), vectors.dim());
        let table = stored_rows(&vectors, metric, 0..n);
        let groups = run.parallelism.install(|| copies::group(&table, dim))?;
        drop(table);
        let (order, sizes) = arrange(groups.len(), params.m, run.seed);
        let rows = |rows: &[ItemId]| stored_rows(&vectors, metric, rows.iter().map(|&row| row as usize));
        let (space, names) = (vectors.space, vectors.names());
        let params = *params;
        grow::Plan { metric, dim, params, groups, order, sizes, rows: &rows, old: None, space, names }
            .grow(run)
    }

    /// What the build found out.
    #[must_use]
    pub fn report(&self) -> HnswReport {
        self.report
    }

    /// How the graph was built and is searched.
    #[must_use]
    pub fn params(&self) -> HnswParams {
        let (ef_construction, ef_search, sq8) = (self.ef_construction, self.ef_search, self.codes.is_some());
        HnswParams { m: self.m, ef_construction, ef_search, sq8, product_graph: self.product_graph }
    }

    pub(crate) fn stored(&self) -> Stored<'_> {
        Stored {
            scoring: Scoring::of(self.metric),
            dim: self.dim,
            table: &self.table,
            order: Some(Order {
                ids: &self.ids,
                starts: &self.starts,
                most: self.copies,
                positions: &self.nodes,
            }),
        }
    }

    pub(crate) fn ground(&self) -> Layer<'_> {
        Layer { links: &self.ground, width: 2 * self.m, len: self.table.len() / self.dim }
    }

    pub(crate) fn layer(&self, upper: &Upper) -> Layer<'_> {
        let links = self.links.get(upper.start..).unwrap_or_default();
        Layer { links, width: self.m, len: upper.size }
    }
}

/// The layers above the ground from the sizes of all.
pub(crate) fn uppers(sizes: &[usize], m: usize) -> Vec<Upper> {
    let mut start = 0;
    let upper = |&size: &usize| {
        let layer = Upper { start, size };
        start += size * m;
        layer
    };
    sizes.iter().skip(1).map(upper).collect()
}

/// Some rows of a table, in an order.
fn in_order(table: &[f32], dim: usize, rows: impl ExactSizeIterator<Item = ItemId>) -> Aligned<f32> {
    Aligned::new(rows.len() * dim, |out| {
        for (slot, row) in out.chunks_exact_mut(dim).zip(rows) {
            slot.copy_from_slice(&table[row as usize * dim..(row as usize + 1) * dim]);
        }
    })
}
