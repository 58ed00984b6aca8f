use embed_core::{
    AnnIndex, Batch, Effort, Filter, ItemId, NegativeContext, NegativeSampler, Neighbor, SampleError,
    SearchRequest, SeededRng,
};
use ndarray::ArrayView2;

use crate::RefreshableSampler;

type IndexResult = Result<Box<dyn AnnIndex>, Box<dyn std::error::Error + Send + Sync>>;
type BuildIndex = dyn Fn(ArrayView2<'_, f32>) -> IndexResult + Send + Sync;

/// Which of the items near a query are hard negatives.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HardParams {
    /// The nearest so many are left alone: most likely positives that nobody has seen yet. 0 to 2²⁰. 10.
    pub skip: usize,
    /// So many after them are the candidates. 1 to 2²⁰. 100.
    pub band: usize,
    /// Drop candidates that score above the target by more than this: the target is the context's `target`, and a
    /// negative margin asks for a distance. `None`: keep all. `Some(0.0)` is the positive-aware filter. `None`.
    pub above: Option<f32>,
    /// Semi-hard: drop candidates that score below the target by more than this. `None`.
    pub below: Option<f32>,
    /// How hard the index looks.
    pub effort: Effort,
    /// Steps after which the index is built anew; 0: it never ages. 0.
    pub refresh_every: u64,
}

impl Default for HardParams {
    fn default() -> Self {
        Self { skip: 10, band: 100, above: None, below: None, effort: Effort::Default, refresh_every: 0 }
    }
}

impl HardParams {
    /// Most candidates that can be skipped or kept.
    pub const MAX_BAND: usize = 1 << 20;

    /// Checks every setting.
    ///
    /// # Errors
    /// [`SampleError::Setting`] names the first that is out of its range.
    #[expect(clippy::cast_precision_loss, reason = "for a message")]
    pub fn validate(&self) -> Result<(), SampleError> {
        for (name, got, least) in [("skip", self.skip, 0), ("band", self.band, 1)] {
            if got < least || got > Self::MAX_BAND {
                let (got, least, most) = (got as f64, least as f64, Self::MAX_BAND as f64);
                return Err(SampleError::Setting { name, got, least, most });
            }
        }
        for (name, margin) in [("margin above", self.above), ("margin below", self.below)] {
            if let Some(got) = margin.filter(|margin| !margin.is_finite()) {
                let (least, most) = (f64::from(f32::MIN), f64::from(f32::MAX));
                return Err(SampleError::Setting { name, got: f64::from(got), least, most });
            }
        }
        Ok(())
    }
}

/// Items near the query that are no positives: what the model confuses with them now.
///
/// The candidates of a context are ranks `skip..skip + band` of a search that leaves out the positives and the
/// target, without those that the margins drop. Draws are uniform over them and without repetition, so a count is
/// short when there are fewer candidates. The context must hold the query, and the target where a margin is set.
///
/// Scores are the index's: of a metric that ignores lengths, margins are cosines. The index is a copy of the
/// vectors as they were; [`HardNegatives::rebuilt`] makes a new one every `refresh_every` steps.
///
/// A call of `sample_into`, `log_expected_count` or `log_expected_counts_into` is one search; [`HardNegatives::candidates_into`] gives all
/// candidates of a context at once.
///
/// Schroff, Kalenichenko & Philbin 2015, "FaceNet", section 3.2 (semi-hard); Xiong et al. 2021, "Approximate nearest
/// neighbor negative contrastive learning" (a refreshed index).
pub struct HardNegatives {
    index: Option<Box<dyn AnnIndex>>,
    build: Option<Box<BuildIndex>>,
    built_at: u64,
    n_items: usize,
    params: HardParams,
}

impl HardNegatives {
    /// Over an index in which row `i` is item `i`; it stays as it is.
    ///
    /// # Errors
    /// - As [`HardParams::validate`].
    /// - [`SampleError::NoItems`] for an empty index, [`SampleError::TooManyItems`] beyond `u32::MAX` rows.
    pub fn new(index: Box<dyn AnnIndex>, params: HardParams) -> Result<Self, SampleError> {
        params.validate()?;
        let n_items = catalogue(index.id_bound())?;
        Ok(Self { index: Some(index), build: None, built_at: 0, n_items, params })
    }

    /// Builds its index from the vectors that the trainer hands to [`RefreshableSampler::refresh`], at the first step and
    /// every `refresh_every` steps.
    ///
    /// # Errors
    /// As [`HardNegatives::new`].
    pub fn rebuilt(
        n_items: usize,
        params: HardParams,
        build: impl Fn(ArrayView2<'_, f32>) -> IndexResult + Send + Sync + 'static,
    ) -> Result<Self, SampleError> {
        params.validate()?;
        let n_items = catalogue(n_items)?;
        Ok(Self { index: None, build: Some(Box::new(build)), built_at: 0, n_items, params })
    }

    /// The candidates of a context, nearest first.
    ///
    /// # Errors
    /// - [`SampleError::MissingTarget`] without a target where a margin is set.
    /// - [`SampleError::MissingContext`] without a query, or before the index was built.
    /// - [`SampleError::Implementation`] when the search fails.
    pub fn candidates_into(
        &self,
        cx: &NegativeContext<'_>,
        out: &mut Vec<Neighbor>,
    ) -> Result<(), SampleError> {
        let HardParams { skip, band, above, below, effort, .. } = self.params;
        let margins = above.is_some() || below.is_some();
        if margins && cx.target.is_none() {
            return Err(SampleError::MissingTarget);
        }
        let index = self
            .index
            .as_deref()
            .ok_or(SampleError::MissingContext { what: "an index, built by refresh" })?;
        let query = cx.query.ok_or(SampleError::MissingContext { what: "the query" })?;
        let banned = |item: ItemId| Some(item) == cx.target || cx.positives.binary_search(&item).is_ok();
        let allowed = |item: ItemId| !banned(item);
        let request = SearchRequest::k(skip + band).effort(effort).filter(Filter::Where(&allowed));
        let failed = |source: embed_core::SearchError| SampleError::Implementation { source: source.into() };
        index.search_into(query, &request, out).map_err(failed)?;
        // An index of another crate may hold more rows than it did.
        out.retain(|near| (near.id as usize) < self.n_items);
        out.drain(..skip.min(out.len()));
        if let Some(target) = cx.target.filter(|_| margins) {
            let mut vector = vec![0.0; index.dim()];
            index.vector_into(target, &mut vector).map_err(failed)?;
            let score = index.metric().score(query, &vector);
            out.retain(|near| {
                above.is_none_or(|margin| near.score <= score + margin)
                    && below.is_none_or(|margin| near.score >= score - margin)
            });
        }
        Ok(())
    }
}

fn catalogue(n_items: usize) -> Result<usize, SampleError> {
    let limit = u32::MAX as usize;
    match n_items {
        0 => Err(SampleError::NoItems { items: 0 }),
        got if got > limit => Err(SampleError::TooManyItems { got, limit }),
        n => Ok(n),
    }
}

impl NegativeSampler for HardNegatives {
    fn sample_into(
        &self,
        cx: &NegativeContext<'_>,
        rng: &mut SeededRng,
        out: &mut [ItemId],
    ) -> Result<usize, SampleError> {
        if out.is_empty() {
            return Ok(0);
        }
        let mut candidates = Vec::new();
        self.candidates_into(cx, &mut candidates)?;
        let n = out.len().min(candidates.len());
        for (at, slot) in out.iter_mut().enumerate().take(n) {
            #[expect(clippy::cast_possible_truncation, reason = "a band is below 2²¹")]
            let other = at + rng.below((candidates.len() - at) as u32) as usize;
            candidates.swap(at, other);
            *slot = candidates[at].id;
        }
        Ok(n)
    }

    /// One search; `-inf` for an item that is no candidate, and for every item where the context is incomplete.
    fn log_expected_count(&self, cx: &NegativeContext<'_>, item: ItemId) -> f32 {
        let mut log = [0.0];
        match self.log_expected_counts_into(cx, &[item], &mut log) {
            Ok(()) => log[0],
            Err(_) => f32::NEG_INFINITY,
        }
    }

    /// One search for all of the items.
    #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "a logarithm in f32")]
    fn log_expected_counts_into(
        &self,
        cx: &NegativeContext<'_>,
        items: &[ItemId],
        out: &mut [f32],
    ) -> Result<(), SampleError> {
        SampleError::check_counts(items.len(), out.len())?;
        let mut candidates = Vec::new();
        self.candidates_into(cx, &mut candidates)?;
        let of_one = (cx.n as f64 / candidates.len() as f64).min(1.0).ln() as f32;
        let mut ids: Vec<ItemId> = candidates.iter().map(|near| near.id).collect();
        ids.sort_unstable();
        for (out, item) in out.iter_mut().zip(items) {
            *out = if ids.binary_search(item).is_ok() { of_one } else { f32::NEG_INFINITY };
        }
        Ok(())
    }

    fn n_items(&self) -> usize {
        self.n_items
    }
}

impl RefreshableSampler for HardNegatives {
    fn observe(&mut self, _batch: &Batch<'_>) {}

    fn is_stale(&self, cx: &NegativeContext<'_>) -> bool {
        let age = cx.step.saturating_sub(self.built_at);
        let every = self.params.refresh_every;
        self.build.is_some() && (self.index.is_none() || (every > 0 && age >= every))
    }

    /// # Errors
    /// - [`SampleError::Catalogue`] when there is not a vector an item.
    /// - [`SampleError::Implementation`] when the index cannot be built.
    fn refresh(&mut self, cx: &NegativeContext<'_>, items: ArrayView2<'_, f32>) -> Result<(), SampleError> {
        let Some(build) = &self.build else { return Ok(()) };
        let (expected, got) = (self.n_items, items.nrows());
        if got != expected {
            return Err(SampleError::Catalogue { expected, got });
        }
        self.index = Some(build(items).map_err(|source| SampleError::Implementation { source })?);
        self.built_at = cx.step;
        Ok(())
    }
}

impl std::fmt::Debug for HardNegatives {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HardNegatives")
            .field("params", &self.params)
            .field("n_items", &self.n_items)
            .field("built_at", &self.built_at)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::laws::{Exact, chi_square_holds};
    use embed_core::Metric;
    use ndarray::{Array2, array};

    /// Item `i` scores `i` under the query `[1]`.
    fn line(n: usize) -> Array2<f32> {
        Array2::from_shape_fn((n, 1), |(i, _)| i as f32)
    }

    fn over(n: usize, params: HardParams) -> HardNegatives {
        HardNegatives::new(Exact::boxed(line(n).view(), Metric::InnerProduct), params).unwrap()
    }

    fn candidates(sampler: &HardNegatives, cx: &NegativeContext<'_>) -> Vec<ItemId> {
        let mut out = Vec::new();
        sampler.candidates_into(cx, &mut out).unwrap();
        out.iter().map(|near| near.id).collect()
    }

    const QUERY: [f32; 1] = [1.0];

    #[test]
    fn candidates_are_the_band_after_the_skipped_without_positives() {
        let sampler = over(20, HardParams { skip: 2, band: 4, ..Default::default() });
        let cx = NegativeContext::default().query(&QUERY).positives(&[15, 18]);
        assert_eq!(candidates(&sampler, &cx), [16, 14, 13, 12]);
        let cx = cx.target(14);
        assert_eq!(candidates(&sampler, &cx), [16, 13, 12, 11]);
        let sampler = over(5, HardParams { skip: 9, ..Default::default() });
        assert_eq!(candidates(&sampler, &cx), [0; 0]);
    }

    #[test]
    fn margins_are_around_the_target() {
        let with =
            |above, below| over(20, HardParams { skip: 0, band: 20, above, below, ..Default::default() });
        let cx = NegativeContext::default().query(&QUERY).target(10);
        assert_eq!(candidates(&with(Some(0.0), Some(3.5)), &cx), [9, 8, 7], "positive-aware and semi-hard");
        assert_eq!(candidates(&with(Some(2.0), Some(1.0)), &cx), [12, 11, 9]);
        assert_eq!(candidates(&with(Some(-2.0), Some(3.0)), &cx), [8, 7]);
        assert_eq!(candidates(&with(None, Some(-8.0)), &cx), [19, 18]);
    }

    #[test]
    fn draws_are_uniform_without_repetition_and_say_so() {
        let sampler = over(30, HardParams { skip: 3, band: 8, ..Default::default() });
        let cx = NegativeContext::draws(3).query(&QUERY).positives(&[25]);
        let band = candidates(&sampler, &cx);
        let mut counts = [0u64; 30];
        let mut rng = SeededRng::new(3);
        for _ in 0..8000 {
            let mut out = [0; 3];
            assert_eq!(sampler.sample_into(&cx, &mut rng, &mut out).unwrap(), 3);
            assert!(out[0] != out[1] && out[1] != out[2] && out[0] != out[2]);
            out.iter().for_each(|&item| counts[item as usize] += 1);
        }
        let weights: Vec<f64> =
            (0..30).map(|item| f64::from(sampler.log_expected_count(&cx, item)).exp()).collect();
        assert!((weights.iter().sum::<f64>() - 3.0).abs() < 1e-5 && band.len() == 8);
        chi_square_holds(&counts, &weights);
        let many = cx.with_draws(50);
        let mut out = [0; 50];
        assert_eq!(sampler.sample_into(&many, &mut rng, &mut out).unwrap(), 8);
        assert_eq!(sampler.log_expected_count(&many, band[0]), 0.0);
    }

    #[test]
    fn an_index_is_built_when_it_has_aged() {
        let params = HardParams { skip: 0, band: 1, refresh_every: 10, ..Default::default() };
        let mut sampler =
            HardNegatives::rebuilt(3, params, |rows| Ok(Exact::boxed(rows, Metric::InnerProduct))).unwrap();
        let cx = |step| NegativeContext::draws(1).at(step, 0).query(&QUERY);
        assert!(sampler.is_stale(&cx(0)));
        assert!(matches!(
            sampler.sample_into(&cx(0), &mut SeededRng::new(1), &mut [0]),
            Err(SampleError::MissingContext { .. })
        ));
        sampler.refresh(&cx(0), array![[0.0], [5.0], [1.0]].view()).unwrap();
        assert_eq!(candidates(&sampler, &cx(0)), [1]);
        assert!(!sampler.is_stale(&cx(9)) && sampler.is_stale(&cx(10)));
        sampler.refresh(&cx(10), array![[9.0], [5.0], [1.0]].view()).unwrap();
        assert_eq!(candidates(&sampler, &cx(10)), [0]);
        assert!(!sampler.is_stale(&cx(19)));
        let error = sampler.refresh(&cx(20), array![[9.0]].view()).unwrap_err();
        assert!(matches!(error, SampleError::Catalogue { expected: 3, got: 1 }));
    }

    #[test]
    fn what_is_missing_or_out_of_range_is_named() {
        let sampler = over(9, HardParams { above: Some(0.0), ..Default::default() });
        let mut out = Vec::new();
        let missing = |cx: &NegativeContext<'_>, out: &mut Vec<Neighbor>| {
            matches!(sampler.candidates_into(cx, out), Err(SampleError::MissingTarget))
        };
        assert!(missing(&NegativeContext::default(), &mut out));
        assert!(missing(&NegativeContext::default().query(&QUERY), &mut out));
        let foreign = NegativeContext::default().query(&QUERY).target(99);
        assert!(matches!(
            sampler.candidates_into(&foreign, &mut out),
            Err(SampleError::Implementation { .. })
        ));
        for params in [
            HardParams { band: 0, ..Default::default() },
            HardParams { band: usize::MAX, ..Default::default() },
            HardParams { skip: usize::MAX, ..Default::default() },
            HardParams { below: Some(f32::NAN), ..Default::default() },
        ] {
            let index = Exact::boxed(line(2).view(), Metric::L2);
            assert!(matches!(HardNegatives::new(index, params), Err(SampleError::Setting { .. })));
        }
        let empty = Exact::boxed(line(0).view(), Metric::L2);
        assert!(matches!(HardNegatives::new(empty, HardParams::default()), Err(SampleError::NoItems { .. })));
    }
}
