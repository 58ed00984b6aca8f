//! A family of indexes by the name its users know.

mod coding;
mod nearest;
mod parse;

use std::fmt;

use embed_core::{Metric, Run};

pub use self::coding::{Codes, Coding, Refine};
pub use self::parse::ParseSpecError;
use crate::{
    BuildError, Flat, ForestParams, Hnsw, HnswParams, Index, Ivf, IvfParams, Quantized, RpForest, Vectors,
};

/// A family of indexes by the name its users know.
///
/// | name | is |
/// |---|---|
/// | `Flat` | exact search |
/// | `HNSW32`, `HNSW32,SQ8` | a graph of 32 links a node; walked over 8-bit codes, then refined |
/// | `IVF1024,Flat` | 1024 lists of exact vectors; `IVF,Flat` takes √n lists |
/// | `SQ8` | one byte a component |
/// | `PQ16x8` | product quantization, 16 codes of 8 bits a vector |
/// | `PQ32x4fs` | 32 codes of 4 bits, scanned in registers |
/// | `IVF1024,PQ16x4fs,Refine(Flat)` | lists of codes, the best answers scored again by the vectors |
/// | `OPQ16,IVF1024,PQ16x4fs,Refine(SQ8)` | a learned rotation before it; scored again by 8-bit codes |
/// | `RPForest100` | 100 random-projection trees |
///
/// ```
/// use ann::{Codes, Coding, IndexSpec, Refine};
///
/// let coding = Coding { refine: Refine::Flat, ..Coding::new(Codes::PqFast { m: 16 }) };
/// assert_eq!("ivf1024,pq16x4fs,refine(flat)".parse(), Ok(IndexSpec::Ivf { nlist: 1024, coding }));
/// assert_eq!(IndexSpec::Hnsw { m: 16 }.to_string(), "HNSW16");
/// assert_eq!(
///     "IVF64,PQ8x9".parse::<IndexSpec>().unwrap_err().to_string(),
///     r#"unknown part "PQ8x9" in index "IVF64,PQ8x9"; the nearest is "PQ8x8""#
/// );
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum IndexSpec {
    /// [`Flat`].
    Flat,
    /// [`Hnsw`] with so many links a node; all else as in [`HnswParams::default`].
    Hnsw {
        /// [`HnswParams::m`].
        m: usize,
    },
    /// The same graph, walked over [`Codes::Sq8`] codes; the answers are scored again by the vectors.
    HnswSq8 {
        /// [`HnswParams::m`].
        m: usize,
    },
    /// Lists about the centres of clusters.
    Ivf {
        /// Number of lists; 0 takes √n.
        nlist: usize,
        /// What the lists hold.
        coding: Coding,
    },
    /// Codes without lists: every code is looked at.
    Quantized {
        /// What is kept of a vector; not [`Codes::Flat`], which is [`IndexSpec::Flat`].
        coding: Coding,
    },
    /// A forest of random-projection trees.
    RpForest {
        /// Number of trees.
        trees: usize,
    },
}

impl IndexSpec {
    /// The family that serves most catalogues: exact up to 10,000 rows, where it is as fast as any, else a
    /// graph.
    #[must_use]
    pub fn for_rows(n: usize) -> Self {
        if n <= 10_000 { Self::Flat } else { Self::Hnsw { m: HnswParams::default().m } }
    }

    /// Builds an index of the family over `&Embeddings`, whose keys and space travel with it, or over an array
    /// `[n, dim]`.
    ///
    /// # Errors
    /// As [`Flat::build`] and [`Hnsw::build`].
    pub fn build<'v>(
        &self,
        vectors: impl Into<Vectors<'v>>,
        metric: Metric,
        run: &mut Run<'_>,
    ) -> Result<Index, BuildError> {
        Ok(match *self {
            Self::Flat => Index::Flat(Flat::build(vectors, metric, run)?),
            Self::Hnsw { m } => Index::Hnsw(Hnsw::build(vectors, metric, &HnswParams::with_m(m), run)?),
            Self::Ivf { nlist, coding } => {
                let params = IvfParams { nlist, coding, ..IvfParams::default() };
                Index::Ivf(Ivf::build(vectors, metric, &params, run)?)
            }
            Self::Quantized { coding } => Index::Quantized(Quantized::build(vectors, metric, coding, run)?),
            Self::HnswSq8 { m } => {
                let params = HnswParams { sq8: true, ..HnswParams::with_m(m) };
                Index::Hnsw(Hnsw::build(vectors, metric, &params, run)?)
            }
            Self::RpForest { trees } => {
                Index::RpForest(RpForest::build(vectors, metric, &ForestParams::with_trees(trees), run)?)
            }
        })
    }
}

impl fmt::Display for IndexSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flat => f.write_str("Flat"),
            Self::Hnsw { m } => write!(f, "HNSW{m}"),
            Self::HnswSq8 { m } => write!(f, "HNSW{m},SQ8"),
            Self::RpForest { trees } => write!(f, "RPForest{trees}"),
            Self::Quantized { coding } => coding.print(f, None),
            Self::Ivf { nlist, coding } => coding.print(f, Some(*nlist)),
        }
    }
}

#[cfg(test)]
mod tests;
