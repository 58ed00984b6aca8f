use std::error::Error;

use embed_core::testkit::{SamplerSuite, negative_sampler};
use embed_core::{Batch, ItemId, NegativeContext, NegativeSampler, SampleError, SeededRng};
use ndarray::ArrayView2;
use negsample::testing::{Probe, refreshed, wrapper};
use negsample::{Fixed, Mixture, RefreshableSampler, Uniform};
use seqemb::{Params, SkipGram};

/// The lower half of the catalogue.
struct LowerHalf(u32);

impl NegativeSampler for LowerHalf {
    fn n_items(&self) -> usize {
        2 * self.0 as usize
    }

    fn sample_into(
        &self,
        _: &NegativeContext<'_>,
        rng: &mut SeededRng,
        out: &mut [ItemId],
    ) -> Result<usize, SampleError> {
        out.iter_mut().for_each(|item| *item = rng.below(self.0));
        Ok(out.len())
    }

    fn log_expected_count(&self, cx: &NegativeContext<'_>, item: ItemId) -> f32 {
        if item < self.0 { (cx.n as f32 / self.0 as f32).ln() } else { f32::NEG_INFINITY }
    }
}

/// Every other draw of another sampler is of the last batch.
struct AlsoLastBatch<S>(S);

impl<S: NegativeSampler> NegativeSampler for AlsoLastBatch<S> {
    fn n_items(&self) -> usize {
        self.0.n_items()
    }

    fn sample_into(
        &self,
        cx: &NegativeContext<'_>,
        rng: &mut SeededRng,
        out: &mut [ItemId],
    ) -> Result<usize, SampleError> {
        self.0.sample_into(cx, rng, out)
    }

    fn log_expected_count(&self, cx: &NegativeContext<'_>, item: ItemId) -> f32 {
        self.0.log_expected_count(cx, item)
    }
}

impl<S: RefreshableSampler> RefreshableSampler for AlsoLastBatch<S> {
    fn observe(&mut self, batch: &Batch<'_>) {
        self.0.observe(batch);
    }

    fn is_stale(&self, cx: &NegativeContext<'_>) -> bool {
        self.0.is_stale(cx)
    }

    fn refresh(&mut self, cx: &NegativeContext<'_>, items: ArrayView2<'_, f32>) -> Result<(), SampleError> {
        self.0.refresh(cx, items)
    }
}

pub fn keep_the_contract() -> Result<(), Box<dyn Error>> {
    negative_sampler(|| Box::new(LowerHalf(20)), &SamplerSuite::new("the lower half"));
    wrapper("a wrapper of one's own", |probe: Probe| Box::new(AlsoLastBatch(probe)));
    refreshed("a wrapper of one's own", &mut AlsoLastBatch(Uniform::new(9)?), 4);

    // Into a trainer, alone and mixed.
    let sequences = embed_core::Sequences::from_rows(8, [[0, 1], [1, 0], [6, 7], [7, 6]].repeat(20))?;
    let keys = || embed_core::Vocab::from_keys((0..8).map(|i| i.to_string()));
    let params = Params { dim: 4, epochs: 2, ..Params::default() };
    let mut run = embed_core::Run::seeded(1);
    SkipGram::fit_with(&params, &sequences, keys()?, Fixed(LowerHalf(4)), &mut run)?;
    let mixed = Mixture::new(Fixed(LowerHalf(4)), 0.5)?.with(Uniform::new(8)?, 0.5)?;
    SkipGram::fit_with(&params, &sequences, keys()?, mixed, &mut run)?;
    Ok(())
}
