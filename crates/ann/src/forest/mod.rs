//! Random-projection trees: many coarse partitions, of which a query looks into the likeliest parts of all.

mod build;
mod file;
mod search;
mod split;

use embed_core::{ItemId, Metric, Run};

pub(crate) use self::file::{Header, read, verify, write};
use crate::aligned::Aligned;
use crate::flat::stored_rows;
use crate::hnsw::{Codes, MAX_CODED_DIM};
use crate::id_map::Names;
use crate::scan::{Order, Stored};
use crate::scoring::Scoring;
use crate::tune::Efforts;
use crate::{BuildError, ForestParams, Vectors};

/// Approximate search in a forest of random-projection trees, as in Annoy (Bernhardsson 2013).
///
/// A tree splits the vectors in two by the plane between the means of two clusters of a sample, and the parts
/// in the same way until they are small. A query walks all trees by one queue until it has met enough different
/// vectors. The effort of a request is that number, by default [`ForestParams::search_k`]. Vectors are first
/// scored by codes of a byte a component, the best of them by the vectors themselves.
///
/// *Order.* The part of the least `Σ max(0, s − m)²` comes first, where m is how far the query is inside each of
/// its planes and s how far vectors are from the planes of the smallest parts on the average: a neighbour may well be
/// on the other side of a plane that the query is nearer to than that.
///
/// *Inner product.* Planes are laid through the vectors as they are. *Cosine.* Rows are kept at length 1; zero
/// vectors score 0.
///
/// *Determinism.* The same seed gives the same forest on any number of threads: each tree has a random stream
/// of its own.
///
/// *Memory.* 5 · dim + 4 · trees + 16 bytes a row, and dim + 16 bytes for each of the about
/// 1.5 · n / [`ForestParams::leaf`] planes of a tree.
///
/// *Differs from Annoy*: vectors that several trees give count once, an uneven split is laid through the
/// median, and all planes of a part count for its order, not the worst alone.
///
/// ```
/// use ann::{ForestParams, RpForest};
/// use embed_core::{AnnIndex, Metric, Run, SearchRequest, testkit};
///
/// let vectors = testkit::clustered(2000, 16, 20, 1);
/// let index = RpForest::build(&vectors, Metric::L2, &ForestParams::with_trees(20), &mut Run::seeded(7))?;
/// assert_eq!(index.search_by_id(42, &SearchRequest::k(5))?[0].id, 42);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct RpForest {
    pub(crate) metric: Metric,
    pub(crate) dim: usize,
    pub(crate) trees: usize,
    pub(crate) leaf: usize,
    pub(crate) search_k: usize,
    /// How far a vector is from the plane of a small part that it is in: the mean.
    pub(crate) spread: f32,
    /// The vectors `[n, dim]` in the order of the first tree's leaves.
    pub(crate) table: Aligned<f32>,
    /// The row at each position.
    pub(crate) ids: Aligned<ItemId>,
    /// The position of each row.
    pub(crate) positions: Aligned<u32>,
    /// The vectors in bytes.
    pub(crate) codes: Codes,
    pub(crate) planes: Planes,
    /// Where the leaves start in `members`, and the end.
    pub(crate) leaves: Aligned<u32>,
    /// `[trees · n]` positions, those of a leaf together.
    pub(crate) members: Aligned<u32>,
    /// What each tree starts with.
    pub(crate) roots: Aligned<u32>,
    pub(crate) efforts: Efforts,
    pub(crate) space: embed_core::Space,
    pub(crate) names: Names,
    pub(crate) scratch: search::ScratchPool,
}

/// The inner nodes of all trees.
#[derive(Debug, Clone)]
pub(crate) struct Planes {
    /// The normals `[planes, dim]` in bytes, each of length 1; the fixed part of each is its offset: the plane is
    /// where the product with the normal is so much.
    pub(crate) normals: Codes,
    /// `[planes, 2]`: below and above the plane. A plane has a higher number than those above it in its tree.
    pub(crate) children: Aligned<u32>,
}

impl Planes {
    pub(crate) fn len(&self) -> usize {
        self.children.len() / 2
    }
}

/// Marks a child that is a leaf.
pub(crate) const LEAF: u32 = 1 << 31;

impl RpForest {
    /// Most rows.
    pub const MAX_ROWS: usize = (1 << 31) - 1;
    /// Most components.
    pub const MAX_DIM: usize = MAX_CODED_DIM;

    /// Builds the forest over vectors `[n, dim]`, its trees in parallel.
    ///
    /// O(trees · n · dim · log(n / leaf)).
    ///
    /// # Errors
    /// - [`BuildError::Params`] names the field that is out of range.
    /// - [`BuildError::ZeroDim`], [`BuildError::TooManyRows`], [`BuildError::Keys`] for the shape.
    /// - [`BuildError::NotFinite`] names the first NaN or infinite component.
    /// - [`BuildError::Cancelled`] when the observer stops the run; [`BuildError::Parallelism`].
    pub fn build<'v>(
        vectors: impl Into<Vectors<'v>>,
        metric: Metric,
        params: &ForestParams,
        run: &mut Run<'_>,
    ) -> Result<Self, BuildError> {
        let vectors = vectors.into();
        params.validate()?;
        let (n, dim) = (vectors.len(), vectors.dim());
        params.check_shape(n, dim)?;
        vectors.check(metric, Self::MAX_ROWS)?;
        let scoring = Scoring::of(metric);
        let drafted = stored_rows(&vectors, metric, 0..n);
        let codes = run.parallelism.install(|| Codes::of(scoring, &drafted, dim))?;
        let grown = build::grow(&drafted, dim, &codes, params, run)?;
        drop(drafted);
        let spread = grown.spread();
        let ids = grown.first_order(n);
        let mut positions = vec![0; n];
        (0..).zip(&ids).for_each(|(position, &id)| positions[id as usize] = position);
        let forest = grown.join(n, dim, &positions);
        let table = stored_rows(&vectors, metric, ids.iter().map(|&id| id as usize));
        Ok(Self {
            metric,
            dim,
            trees: params.trees,
            leaf: params.leaf,
            search_k: params.search_k,
            spread,
            codes: codes.reordered(&ids),
            table,
            ids: Aligned::copy(&ids),
            positions: Aligned::copy(&positions),
            planes: forest.planes,
            leaves: forest.leaves,
            members: forest.members,
            roots: forest.roots,
            efforts: Efforts::default(),
            space: vectors.space,
            names: vectors.names(),
            scratch: search::ScratchPool::default(),
        })
    }

    /// How the forest was built and is searched.
    #[must_use]
    pub fn params(&self) -> ForestParams {
        ForestParams { trees: self.trees, leaf: self.leaf, search_k: self.search_k }
    }

    pub(crate) fn stored(&self) -> Stored<'_> {
        Stored {
            scoring: Scoring::of(self.metric),
            dim: self.dim,
            table: &self.table,
            order: Some(Order { ids: &self.ids, starts: &[], most: 1, positions: &self.positions }),
        }
    }
}
