//! Chi-square against a stated law.

use embed_core::testkit::exact_top_k;
use embed_core::{
    AnnIndex, ItemId, Metric, NegativeContext, NegativeSampler, Neighbor, SearchError, SearchRequest,
    SeededRng, Space, Stop,
};
use ndarray::{Array2, ArrayView2};

/// An exact index by its definition.
pub(crate) struct Exact {
    pub(crate) rows: Array2<f32>,
    pub(crate) metric: Metric,
}

impl Exact {
    pub(crate) fn boxed(rows: ArrayView2<'_, f32>, metric: Metric) -> Box<dyn AnnIndex> {
        Box::new(Self { rows: rows.to_owned(), metric })
    }
}

impl AnnIndex for Exact {
    fn dim(&self) -> usize {
        self.rows.ncols()
    }
    fn len(&self) -> usize {
        self.rows.nrows()
    }
    fn metric(&self) -> Metric {
        self.metric
    }
    fn space(&self) -> Space {
        Space::ANY
    }
    fn vector_into(&self, id: ItemId, out: &mut [f32]) -> Result<(), SearchError> {
        let unknown = SearchError::UnknownId { id, len: self.len() };
        let row = self.rows.rows().into_iter().nth(id as usize).ok_or(unknown)?;
        out.iter_mut().zip(row).for_each(|(to, from)| *to = *from);
        Ok(())
    }
    fn search_into(
        &self,
        query: &[f32],
        request: &SearchRequest<'_>,
        out: &mut Vec<Neighbor>,
    ) -> Result<(), SearchError> {
        request.check(query, self.dim())?;
        let Stop::K(k) = request.stop else { panic!("a sampler asks for a number") };
        *out = exact_top_k(self.rows.view(), self.metric, query, k, request.filter);
        Ok(())
    }
}

/// Whether counts are plausible under `weights`; cells expecting fewer than five draws are pooled.
pub(crate) fn chi_square_holds(counts: &[u64], weights: &[f64]) {
    let n: u64 = counts.iter().sum();
    let total: f64 = weights.iter().sum();
    let (mut chi2, mut cells, mut rare) = (0.0, 0.0, (0.0, 0.0));
    for (&count, &weight) in counts.iter().zip(weights) {
        assert!(weight > 0.0 || count == 0, "an item of weight 0 was drawn");
        let expected = n as f64 * weight / total;
        if expected < 5.0 {
            rare = (rare.0 + count as f64, rare.1 + expected);
        } else {
            chi2 += (count as f64 - expected).powi(2) / expected;
            cells += 1.0;
        }
    }
    if rare.1 >= 5.0 {
        chi2 += (rare.0 - rare.1).powi(2) / rare.1;
        cells += 1.0;
    }
    let df: f64 = cells - 1.0;
    if df < 1.0 {
        return;
    }
    // Wilson–Hilferty: the 0.1 % point of chi-square (normal quantile 3.09).
    let limit = df * (1.0 - 2.0 / (9.0 * df) + 3.09 * (2.0 / (9.0 * df)).sqrt()).powi(3);
    assert!(chi2 < limit, "chi-square {chi2:.1} with {df} degrees of freedom is beyond {limit:.1}");
}

/// Checks that a sampler draws by `weights` and says so in `log_expected_count`.
pub(crate) fn check_law(sampler: &impl NegativeSampler, cx: &NegativeContext<'_>, weights: &[f64]) {
    let mut rng = SeededRng::new(11);
    let mut counts = vec![0u64; weights.len()];
    let mut out = [0; 50];
    let cx = cx.with_draws(50);
    for _ in 0..4000 {
        assert_eq!(sampler.sample_into(&cx, &mut rng, &mut out).unwrap(), 50);
        for &item in &out {
            counts[item as usize] += 1;
        }
    }
    chi_square_holds(&counts, weights);
    let total: f64 = weights.iter().sum();
    for (item, weight) in (0..).zip(weights) {
        let stated = f64::from(sampler.log_expected_count(&cx, item)).exp();
        let expected = 50.0 * weight / total;
        assert!(
            (stated - expected).abs() <= 1e-5 * expected.max(1e-3),
            "item {item}: {stated} for {expected}"
        );
    }
    let beyond = u32::try_from(weights.len()).unwrap();
    assert_eq!(sampler.log_expected_count(&cx, beyond), f32::NEG_INFINITY);
}
