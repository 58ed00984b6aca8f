//! Lists about the centres of clusters, of vectors or of codes.

mod assemble;
mod build;
mod coarse;
pub(crate) mod file;
mod fill;
mod line;
mod params;
mod payload;
mod quantized;
mod refine;
mod reservoir;
mod scan;
mod search;
mod source;
mod stored;

use embed_core::{ItemId, Metric, Run, Space};

use self::coarse::Coarse;
pub use self::params::IvfParams;
use self::payload::{Layout, Payload};
pub use self::quantized::Quantized;
use self::refine::Exact;
use crate::aligned::Aligned;
use crate::id_map::Names;
use crate::rotation::Rotation;
use crate::tune::Efforts;
use crate::{BuildError, Vectors};

/// Approximate search in the lists of the clusters that are nearest to the query (inverted file; Sivic &
/// Zisserman 2003, Jégou, Douze & Schmid 2011).
///
/// The effort of a request is nprobe, the number of lists looked into. Where a filter leaves fewer than k answers
/// in them, the search goes on to further lists. A radius search looks into every list that the triangle
/// inequality leaves, whatever the effort.
///
/// Lists hold vectors, or codes of their differences from the centre ([`Coding`](crate::Coding)). Scores are
/// exact where vectors are held or refine the answer, else those of codes.
///
/// *Batches* look at a list once for all queries that want it, and give the answers of single searches bit for
/// bit. *Inner product.* Clusters are those of vectors that one more component makes equally long (Bachrach et
/// al. 2014); a query costs the same. *Cosine.* Rows are kept at length 1; zero vectors score 0.
///
/// *Determinism.* The same seed gives the same index on any number of threads.
///
/// *Memory* a row: 4 · dim bytes of a vector, dim of SQ8, m of PQ, m / 2 of the 4-bit form; 4 more under L2 and 8
/// of ids; what refines: 4 · dim or dim + 4. And 4 · dim a list.
///
/// ```
/// use ann::{Ivf, IvfParams};
/// use embed_core::{AnnIndex, Effort, Metric, Run, SearchRequest, testkit};
///
/// let vectors = testkit::clustered(2000, 16, 20, 1);
/// let index = Ivf::build(&vectors, Metric::L2, &IvfParams::default(), &mut Run::seeded(7))?;
/// let nearest = index.search_by_id(42, &SearchRequest::k(5).effort(Effort::Value(8)))?;
/// assert_eq!((nearest.len(), nearest[0].id), (5, 42));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Ivf {
    pub(crate) metric: Metric,
    pub(crate) dim: usize,
    /// Number of vectors.
    pub(crate) n: usize,
    /// As given; `nlist` is the number asked for, not the number there are.
    pub(crate) params: IvfParams,
    /// Whether there are lists, and not one only that holds all codes.
    pub(crate) listed: bool,
    pub(crate) rotation: Option<Rotation>,
    pub(crate) coarse: Coarse,
    /// Distance of the farthest vector of each list from its centroid, `[nlist]`.
    pub(crate) radii: Aligned<f32>,
    /// The first slot of each list, and the end, `[nlist + 1]`; of codes in blocks, multiples of 16.
    pub(crate) starts: Aligned<u32>,
    /// The row in each slot, `NONE` in those that only fill a block.
    pub(crate) ids: Aligned<ItemId>,
    /// The slot of each row; empty where exact vectors are kept in the order of rows.
    pub(crate) positions: Aligned<u32>,
    pub(crate) payload: Payload,
    pub(crate) exact: Exact,
    /// Longest vector; for bounds of rounding errors.
    pub(crate) longest: f32,
    /// Largest distance of a vector from what its code stands for.
    pub(crate) error: f32,
    pub(crate) efforts: Efforts,
    pub(crate) space: Space,
    pub(crate) names: Names,
}

/// No row.
pub(crate) const NONE: u32 = u32::MAX;

impl Ivf {
    /// Most rows.
    pub const MAX_ROWS: usize = 1 << 31;

    /// Clusters vectors `[n, dim]` and fills the lists, in parallel.
    ///
    /// O(n · nlist · dim), as a matrix product.
    ///
    /// # Errors
    /// - [`BuildError::Params`] names the field that is out of range.
    /// - [`BuildError::ZeroDim`], [`BuildError::TooManyRows`], [`BuildError::TooManyColumns`],
    ///   [`BuildError::Keys`] for the shape.
    /// - [`BuildError::NotFinite`] names the first NaN or infinite component.
    /// - [`BuildError::Cancelled`] when the observer stops the run; [`BuildError::Parallelism`].
    pub fn build<'v>(
        vectors: impl Into<Vectors<'v>>,
        metric: Metric,
        params: &IvfParams,
        run: &mut Run<'_>,
    ) -> Result<Self, BuildError> {
        build::build(vectors.into(), metric, params, true, run)
    }

    /// How the index was built and is searched.
    #[must_use]
    pub fn params(&self) -> IvfParams {
        self.params
    }

    /// Number of lists.
    #[must_use]
    pub fn lists(&self) -> usize {
        self.coarse.len()
    }

    /// The slots of a list; an empty range where a damaged file has none.
    #[inline]
    pub(crate) fn slots(&self, list: u32) -> std::ops::Range<usize> {
        match self.starts.get(list as usize..) {
            Some(&[start, end, ..]) if start <= end && end as usize <= self.ids.len() => {
                let block = Layout::of(self.params.coding.codes, self.dim).block;
                if start as usize % block + end as usize % block == 0 {
                    return start as usize..end as usize;
                }
                0..0
            }
            _ => 0..0,
        }
    }
}
