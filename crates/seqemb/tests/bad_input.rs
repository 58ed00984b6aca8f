//! Every bad input has its error.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};

use embed_core::{
    EmbedError, Embedder, ItemId, NegativeContext, NegativeSampler, Run, SampleError, SeededRng,
    SequenceSource, Sequences, SourceError, Vocab,
};
use negsample::Uniform;
use seqemb::{
    Exclude, FitError, ItemVectors, LongSessions, Params, Pooling, Preparation, Scoring, SkipGram, Window,
};

fn fit(params: &Params, n_items: usize, rows: &[&[u32]]) -> Result<ItemVectors, FitError> {
    let source = Sequences::from_rows(n_items, rows).unwrap();
    let keys = Vocab::from_keys((0..n_items).map(|i| i.to_string())).unwrap();
    SkipGram::fit(params, &source, keys, &mut Run::seeded(1).threads(1))
}

#[test]
fn sources_without_a_pair_are_empty() {
    for rows in [&[][..], &[&[][..]], &[&[0]], &[&[0], &[1], &[]], &[&[1, 1, 1]]] {
        let error = fit(&Params::default(), 2, rows).unwrap_err();
        assert!(matches!(error, FitError::Empty { .. }), "{rows:?}: {error}");
    }
    assert!(matches!(fit(&Params::default(), 0, &[]), Err(FitError::Empty { .. })));
    let rare = Params { preparation: Preparation { min_count: 3, ..Preparation::NONE }, ..Params::default() };
    let error = fit(&rare, 3, &[&[0, 1, 2]]).unwrap_err();
    assert!(error.to_string().contains("1 sequences with 3 items"), "{error}");
}

#[test]
fn a_catalogue_of_one_item_trains_on_nothing_and_stays_finite() {
    let params = Params { preparation: Preparation::NONE, dim: 3, ..Params::default() };
    let items = fit(&params, 1, &[&[0, 0, 0]]).unwrap();
    assert_eq!(items.report.pairs(), 0, "an item is never its own context");
    assert_eq!(items.report.final_loss(), 0.0);
    assert_eq!(items.report.items(), 15);
}

#[test]
fn an_exhausted_pool_leaves_only_positives() {
    let params = Params { exclude: Exclude::Sequence, dim: 3, epochs: 2, ..Params::default() };
    let items = fit(&params, 2, &[&[0, 1], &[1, 0]]).unwrap();
    assert_eq!((items.report.epochs[0].positives, items.report.epochs[0].negatives), (4, 0));
}

#[test]
fn settings_out_of_range_are_named() {
    let bad = [
        Params { dim: 0, ..Params::default() },
        Params { dim: usize::MAX, ..Params::default() },
        Params { window: Window::Sliding { size: 0, dynamic: true }, ..Params::default() },
        Params { window: Window::Basket { samples: usize::MAX }, ..Params::default() },
        Params { negatives: 1 << 30, ..Params::default() },
        Params { exponent: f64::NAN, ..Params::default() },
        Params { rate: -0.1, ..Params::default() },
        Params { rate: f32::NAN, ..Params::default() },
        Params { floor_rate: 1.0, ..Params::default() },
        Params { clamp: 0.0, ..Params::default() },
        Params {
            preparation: Preparation { long: LongSessions::Segment(1), ..Preparation::NONE },
            ..Params::default()
        },
    ];
    for params in bad {
        assert!(matches!(fit(&params, 2, &[&[0, 1]]), Err(FitError::Params(_))), "{params:?}");
    }
    let error = fit(&Params { dim: 0, ..Params::default() }, 2, &[&[0, 1]]).unwrap_err();
    assert_eq!(error.to_string(), "dim is 0, must be in 1..=65536");
}

#[test]
fn a_rate_that_is_too_high_ends_in_an_error_or_in_finite_vectors() {
    for rate in [1.0f32, 100.0, 1e6] {
        let params = Params { rate, epochs: 30, dim: 4, ..Params::default() };
        match fit(&params, 3, &[&[0, 1, 2], &[2, 1], &[0, 2, 1, 0]]) {
            Ok(items) => assert!(items.report.final_loss().is_finite()),
            Err(error) => assert!(matches!(error, FitError::Diverged { .. }), "{error}"),
        }
    }
}

#[test]
fn catalogues_must_agree() {
    let source = Sequences::from_rows(3, [[0, 1]]).unwrap();
    let keys = || Vocab::from_keys(["a", "b"]).unwrap();
    let params = Params::default();
    let error = SkipGram::fit(&params, &source, keys(), &mut Run::default()).unwrap_err();
    assert_eq!(error.to_string(), "the source has 3 items, the vocabulary has 2");
    let mut sampler = Uniform::new(5).unwrap();
    let error = SkipGram::fit_with(&params, &source, keys(), &mut sampler, &mut Run::default()).unwrap_err();
    assert!(matches!(error, FitError::Catalogue { what: "sampler", expected: 2, got: 5 }));
}

/// Breaks its promise on reading number `breaks_at`.
struct Liar {
    readings: AtomicUsize,
    breaks_at: usize,
}

impl SequenceSource for Liar {
    fn n_items(&self) -> usize {
        2
    }

    fn for_each_sequence(
        &self,
        _epoch: u32,
        visit: &mut dyn FnMut(&[ItemId]) -> ControlFlow<()>,
    ) -> Result<(), SourceError> {
        let lies = self.readings.fetch_add(1, Ordering::Relaxed) == self.breaks_at;
        let _ = visit(&[0, 1]);
        let _ = visit(if lies { &[0, 7] } else { &[1, 0] });
        Ok(())
    }
}

#[test]
fn a_source_that_breaks_its_promise_is_caught_in_every_pass() {
    let params =
        Params { preparation: Preparation { min_count: 2, ..Preparation::NONE }, ..Params::default() };
    for breaks_at in 0..4 {
        let source = Liar { readings: AtomicUsize::new(0), breaks_at };
        let keys = Vocab::from_keys(["a", "b"]).unwrap();
        let error = SkipGram::fit(&params, &source, keys, &mut Run::default()).unwrap_err();
        assert_eq!(error.to_string(), "item 7 in sequence 1: the source has 2 items");
    }
}

/// Draws an item that is not there.
struct Foreign;

impl NegativeSampler for Foreign {
    fn sample_into(
        &self,
        _: &NegativeContext<'_>,
        _: &mut SeededRng,
        out: &mut [ItemId],
    ) -> Result<usize, SampleError> {
        out.fill(9);
        Ok(out.len() + 5)
    }

    fn log_expected_count(&self, _: &NegativeContext<'_>, _: ItemId) -> f32 {
        0.0
    }

    fn n_items(&self) -> usize {
        2
    }
}

#[test]
fn a_sampler_that_breaks_its_promise_is_caught() {
    let source = Sequences::from_rows(2, [[0, 1]]).unwrap();
    let keys = Vocab::from_keys(["a", "b"]).unwrap();
    let error =
        SkipGram::fit_with(&Params::default(), &source, keys, negsample::Fixed(Foreign), &mut Run::default())
            .unwrap_err();
    assert!(matches!(error, FitError::Sample(SampleError::Implementation { .. })), "{error}");
}

#[test]
fn a_history_without_a_vector_is_named() {
    let items = fit(&Params { dim: 3, ..Params::default() }, 2, &[&[0, 1]]).unwrap();
    let user = items.pooled(Pooling { normalize: true, ..Pooling::default() }, Scoring::InIn);
    assert!(matches!(user.embed(&[][..]), Err(EmbedError::Empty { what: "history" })));
    assert!(matches!(user.embed(&[1, 2][..]), Err(EmbedError::UnknownItem { item: 2, n_items: 2 })));
    let mut short = [0.0; 2];
    assert!(matches!(user.embed_into(&[0], &mut short), Err(EmbedError::Dimension { expected: 3, got: 2 })));
}
