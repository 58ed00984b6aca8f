use embed_core::{Metric, Run};

use super::{Ivf, IvfParams, build};
use crate::implement::answers_as;
use crate::{BuildError, Coding, Vectors};

/// Search over compact codes of all vectors: SQ8 or product quantization, without lists.
///
/// Every code that the filter allows is looked at. With refinement, the effort of a request is how many times k
/// candidates are scored again, by default [`IvfParams::refine`] or 8; without, it changes nothing. All else is
/// as with [`Ivf`].
///
/// ```
/// use ann::{Codes, Coding, Quantized, Refine};
/// use embed_core::{AnnIndex, Metric, Run, SearchRequest, testkit};
///
/// let vectors = testkit::clustered(2000, 16, 20, 1);
/// let coding = Coding { refine: Refine::Flat, ..Coding::new(Codes::PqFast { m: 8 }) };
/// let index = Quantized::build(&vectors, Metric::L2, coding, &mut Run::seeded(7))?;
/// assert_eq!(index.search_by_id(42, &SearchRequest::k(5))?[0].id, 42);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Quantized(pub(crate) Ivf);

impl Quantized {
    /// Trains the codes on vectors `[n, dim]` and encodes them, in parallel.
    ///
    /// # Errors
    /// As [`Ivf::build`].
    pub fn build<'v>(
        vectors: impl Into<Vectors<'v>>,
        metric: Metric,
        coding: Coding,
        run: &mut Run<'_>,
    ) -> Result<Self, BuildError> {
        let params = IvfParams { nlist: 1, nprobe: 1, coding, ..IvfParams::default() };
        Ok(Self(build::build(vectors.into(), metric, &params, false, run)?))
    }

    fn lists(&self) -> &Ivf {
        &self.0
    }

    /// What is kept of a vector.
    #[must_use]
    pub fn coding(&self) -> Coding {
        self.0.params.coding
    }
}

answers_as!(Quantized, Self::lists);
