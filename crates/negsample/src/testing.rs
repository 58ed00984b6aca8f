//! Conformance suite of [`RefreshableSampler`], behind the feature `testing`: that a sampler which wants fresh vectors gets them and is
//! content, and that a wrapper hands every call to what it wraps. What samplers draw is tried by
//! `embed_core::testkit::negative_sampler`.
//!
//! ```
//! use negsample::testing::{Probe, refreshed, wrapper};
//! use negsample::{ExcludePositives, Uniform};
//!
//! wrapper("ExcludePositives", |probe: Probe| Box::new(ExcludePositives::new(probe)));
//! refreshed("Uniform", &mut Uniform::new(9)?, 4);
//! # Ok::<(), embed_core::SampleError>(())
//! ```

// A suite fails as a test does.
#![allow(clippy::panic, clippy::missing_panics_doc, reason = "a suite of tests")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use embed_core::{Batch, ItemId, NegativeContext, NegativeSampler, SampleError, SeededRng};
use ndarray::{Array2, ArrayView2};

use crate::RefreshableSampler;

/// Items of a [`Probe`].
pub const ITEMS: usize = 9;

/// A sampler of the first item that counts what it is told, and is stale until it is refreshed.
#[derive(Debug, Clone, Default)]
pub struct Probe {
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    observed: AtomicU64,
    asked: AtomicU64,
    refreshed: AtomicU64,
}

impl Probe {
    fn read(&self) -> [u64; 3] {
        let Counts { observed, asked, refreshed } = &*self.counts;
        [observed, asked, refreshed].map(|count| count.load(Ordering::SeqCst))
    }
}

impl NegativeSampler for Probe {
    fn n_items(&self) -> usize {
        ITEMS
    }

    fn sample_into(
        &self,
        _: &NegativeContext<'_>,
        _: &mut SeededRng,
        out: &mut [ItemId],
    ) -> Result<usize, SampleError> {
        out.fill(0);
        Ok(out.len())
    }

    #[expect(clippy::cast_precision_loss, reason = "a logarithm in f32")]
    fn log_expected_count(&self, cx: &NegativeContext<'_>, item: ItemId) -> f32 {
        if item == 0 { (cx.n as f32).ln() } else { f32::NEG_INFINITY }
    }
}

impl RefreshableSampler for Probe {
    fn observe(&mut self, _: &Batch<'_>) {
        self.counts.observed.fetch_add(1, Ordering::SeqCst);
    }

    fn is_stale(&self, _: &NegativeContext<'_>) -> bool {
        self.counts.asked.fetch_add(1, Ordering::SeqCst);
        self.counts.refreshed.load(Ordering::SeqCst) == 0
    }

    fn refresh(&mut self, _: &NegativeContext<'_>, items: ArrayView2<'_, f32>) -> Result<(), SampleError> {
        if items.nrows() != ITEMS {
            return Err(SampleError::Catalogue { expected: ITEMS, got: items.nrows() });
        }
        self.counts.refreshed.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

/// Tries a wrapper around a [`Probe`]: every call arrives, answers and errors come back.
///
/// # Panics
/// When a call is not forwarded; the message says which.
pub fn wrapper<'p>(name: &str, wrap: impl FnOnce(Probe) -> Box<dyn RefreshableSampler + 'p>) {
    let probe = Probe::default();
    let mut sampler = wrap(probe.clone());
    // Late enough for every warm-up.
    let cx = NegativeContext::draws(2).at(1 << 40, 1 << 20);
    assert_eq!(sampler.n_items(), ITEMS, "{name}: n_items");
    sampler.observe(&Batch::new(3, &[1, 2]));
    assert_eq!(probe.read()[0], 1, "{name}: observe");
    assert!(sampler.is_stale(&cx), "{name}: is_stale, when the inner one is");
    assert!(probe.read()[1] > 0, "{name}: is_stale asks the inner one");
    let refused = sampler.refresh(&cx, Array2::zeros((ITEMS + 1, 2)).view());
    assert!(refused.is_err(), "{name}: an error of refresh comes back");
    let taken = sampler.refresh(&cx, Array2::zeros((ITEMS, 2)).view());
    assert!(taken.is_ok(), "{name}: refresh: {taken:?}");
    assert_eq!(probe.read()[2], 1, "{name}: refresh");
    assert!(!sampler.is_stale(&cx), "{name}: is_stale, when the inner one is not");
}

/// Tries that a sampler takes the vectors `[n_items, dim]` of items when it asks for them, and is content then, for some steps of three
/// passes.
///
/// # Panics
/// When it refuses finite vectors, or is stale right after it took them.
pub fn refreshed(name: &str, sampler: &mut dyn RefreshableSampler, dim: usize) {
    let mut rng = SeededRng::new(11);
    let n_items = sampler.n_items();
    let mut step = 0;
    for epoch in 0..3 {
        for _ in 0..40 {
            let cx = NegativeContext::draws(1).at(step, epoch);
            if sampler.is_stale(&cx) {
                let items = Array2::from_shape_simple_fn((n_items, dim), || rng.unit_f32() - 0.5);
                let taken = sampler.refresh(&cx, items.view());
                assert!(taken.is_ok(), "{name}: refused vectors at step {step}: {taken:?}");
                assert!(!sampler.is_stale(&cx), "{name}: stale right after it took vectors, at step {step}");
            }
            sampler.observe(&Batch::new(step, &[0]));
            step += 1;
        }
    }
    assert_eq!(sampler.n_items(), n_items, "{name}: the catalogue stays");
}

#[cfg(test)]
mod tests {
    use embed_core::Metric;

    use super::*;
    use crate::laws::Exact;
    use crate::{
        Curriculum, ExcludePositives, Fixed, Frequency, HardNegatives, HardParams, InBatch, LogUniform,
        Mixture, Popularity, Schedule, Uniform,
    };

    #[test]
    fn wrappers_hand_on_every_call() {
        let uniform = || Uniform::new(ITEMS).unwrap();
        wrapper("itself", |probe: Probe| Box::new(probe));
        wrapper("Box", |probe: Probe| Box::new(Box::new(probe) as Box<dyn RefreshableSampler>));
        let (mut room, name) = (Probe::default(), "&mut");
        let lent = &mut room;
        wrapper(name, move |probe: Probe| {
            *lent = probe;
            Box::new(lent)
        });
        wrapper("ExcludePositives", |probe: Probe| Box::new(ExcludePositives::new(probe)));
        wrapper("Mixture", |probe: Probe| {
            Box::new(Mixture::new(uniform(), 1.0).unwrap().with(probe, 1.0).unwrap())
        });
        let schedule = Schedule::default();
        wrapper("Curriculum, hard", |probe: Probe| {
            Box::new(Curriculum::new(uniform(), probe, schedule).unwrap())
        });
        wrapper("Curriculum, easy", |probe: Probe| {
            Box::new(Curriculum::new(probe, uniform(), schedule).unwrap())
        });
    }

    #[test]
    fn samplers_are_content_with_fresh_vectors() {
        let uniform = || Uniform::new(ITEMS).unwrap();
        let params = HardParams { refresh_every: 7, ..HardParams::default() };
        let hard = || {
            HardNegatives::rebuilt(ITEMS, params, |rows| Ok(Exact::boxed(rows, Metric::InnerProduct)))
                .unwrap()
        };
        let counts = [1; ITEMS];
        let in_batch = InBatch::new(ITEMS, Frequency::from_counts(&counts).unwrap()).unwrap().queued(5);
        let curriculum = Curriculum::new(uniform(), hard(), Schedule { warm_up: 1, ..Schedule::default() });
        let cases: Vec<(&str, Box<dyn RefreshableSampler>)> = vec![
            ("Uniform", Box::new(uniform())),
            ("Popularity", Box::new(Popularity::new(&counts, 0.75).unwrap())),
            ("LogUniform", Box::new(LogUniform::new(ITEMS).unwrap())),
            ("Fixed", Box::new(Fixed(uniform()))),
            ("InBatch", Box::new(in_batch)),
            ("HardNegatives", Box::new(hard())),
            ("Curriculum", Box::new(curriculum.unwrap())),
            ("Mixture", Box::new(Mixture::new(uniform(), 1.0).unwrap().with(hard(), 1.0).unwrap())),
            ("ExcludePositives", Box::new(ExcludePositives::new(hard()))),
        ];
        for (name, mut sampler) in cases {
            refreshed(name, sampler.as_mut(), 4);
        }
    }
}
