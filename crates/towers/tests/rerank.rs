//! Re-ranking, from end to end on a log where what comes next depends on the last item alone.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, unreachable_pub, dead_code)]

mod common;

use common::{ITEMS, keys};
use embed_core::{
    EmbedError, Embedder, Embeddings, ItemId, Metric, Neighbor, Run, SeededRng, Sequences, Space,
};
use ndarray::Array2;
use towers::FitError;
use towers::models::Histories;
use towers::rerank::{RerankError, RerankParams, RerankScratch, Reranker, Retrieval};
use towers::train::{FitParams, NegativeSampling, NegativesError};

/// After item i comes one of i + 1 and i + 2.
fn log() -> Histories {
    let (mut rng, n) = (SeededRng::new(5), u32::try_from(ITEMS).unwrap());
    let rows = (0..200).map(|_| {
        let mut item = rng.below(n);
        let walk = (0..12).map(|_| {
            item = (item + 1 + rng.below(2)) % n;
            item
        });
        walk.collect::<Vec<ItemId>>()
    });
    Histories::new(Sequences::from_rows(ITEMS, rows).unwrap())
}

fn items() -> Embeddings {
    let mut rng = SeededRng::new(6);
    let vectors = Array2::from_shape_simple_fn((ITEMS, 12), || rng.unit_f32() - 0.5);
    Embeddings::new((*keys(ITEMS)).clone(), vectors).unwrap()
}

/// Retrieval that knows nothing of users: every item has the same score, or with a component the one of its vector.
struct Constant(Option<usize>);

impl Embedder<[ItemId]> for Constant {
    fn dim(&self) -> usize {
        12
    }

    fn space(&self) -> Space {
        Space::ANY
    }

    fn metric(&self) -> Option<Metric> {
        None
    }

    fn embed_into(&self, _: &[ItemId], out: &mut [f32]) -> Result<(), EmbedError> {
        out.fill(0.0);
        if let Some(component) = self.0 {
            out[component] = 1.0;
        }
        Ok(())
    }
}

fn fit_params() -> FitParams {
    FitParams { epochs: 8, batch: 64, temperature: 1.0, table_rate: 0.1, rate: 3e-3, ..FitParams::default() }
}

fn candidates() -> NegativeSampling<'static> {
    NegativeSampling::per_example(6).uncorrected()
}

fn fit(fit: &FitParams, threads: usize) -> Result<Reranker, FitError> {
    let params = RerankParams { max_history: 3, ..RerankParams::default() };
    let (items, run) = (items(), &mut Run::seeded(1).threads(threads));
    let retrieval = Retrieval { users: &Constant(None), items: &items };
    Reranker::fit(&params, fit, retrieval, &log(), candidates(), run)
}

fn bits(model: &Reranker) -> Vec<Vec<u32>> {
    model.tensors().iter().map(|tensor| tensor.values.iter().map(|x| x.to_bits()).collect()).collect()
}

#[test]
fn what_comes_next_is_ranked_first_and_files_give_the_model_back() {
    let model = fit(&fit_params(), 2).unwrap();
    let mut scratch = RerankScratch::default();
    let n = u32::try_from(ITEMS).unwrap();
    let mut hits = 0;
    for last in 0..n {
        let history = [(last + n - 3) % n, (last + n - 1) % n, last];
        let mut found: Vec<Neighbor> = (0..n).map(|id| Neighbor::new(id, 0.0)).collect();
        model.rerank(&history, &mut found, &mut scratch).unwrap();
        let next = [(last + 1) % n, (last + 2) % n];
        hits += found[..4].iter().filter(|neighbor| next.contains(&neighbor.id)).count();
        assert!(found.windows(2).all(|pair| pair[0].score >= pair[1].score));
    }
    assert!(hits > ITEMS, "{hits} of {} are among the first four", 2 * ITEMS);

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rerank.nf");
    model.save(&path).unwrap();
    let opened = Reranker::open(&path).unwrap();
    assert!(bits(&opened) == bits(&model));
    assert_eq!(
        (opened.params(), opened.report(), opened.items()),
        (model.params(), model.report(), model.items())
    );
    let bytes = std::fs::read(&path).unwrap();
    let mut rng = SeededRng::new(7);
    for _ in 0..60 {
        let mut damaged = bytes.clone();
        let at = rng.below(u32::try_from(bytes.len()).unwrap()) as usize;
        damaged[at] ^= 1 << rng.below(8);
        std::fs::write(&path, &damaged).unwrap();
        // Padding between sections may change; nothing else.
        if let Ok(opened) = Reranker::open(&path) {
            assert!(bits(&opened) == bits(&model), "byte {at}");
        }
        std::fs::write(&path, &bytes[..at]).unwrap();
        assert!(Reranker::open(&path).is_err());
    }
}

/// A step of next to no rate changes nothing: the order is retrieval's.
#[test]
fn a_model_begins_with_the_order_of_retrieval() {
    let fit = FitParams { table_rate: 1e-30, rate: 1e-30, max_steps: 1, ..fit_params() };
    let (items, params) = (items(), RerankParams { max_history: 3, ..RerankParams::default() });
    let retrieval = Retrieval { users: &Constant(Some(4)), items: &items };
    let run = &mut Run::seeded(1);
    let model = Reranker::fit(&params, &fit, retrieval, &log(), candidates(), run).unwrap();
    let mut found: Vec<Neighbor> =
        (0..).zip(items.vectors().rows()).map(|(id, row)| Neighbor::new(id, row[4])).collect();
    found.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut again = found.clone();
    again.reverse();
    model.rerank(&[3, 8], &mut again, &mut RerankScratch::default()).unwrap();
    let ids = |found: &[Neighbor]| -> Vec<ItemId> { found.iter().map(|near| near.id).collect() };
    assert_eq!(ids(&again), ids(&found));
}

#[test]
fn threads_do_not_change_a_bit() {
    let fit_params = FitParams { epochs: 1, ..fit_params() };
    let one = bits(&fit(&fit_params, 1).unwrap());
    for threads in [2, 7] {
        assert!(one == bits(&fit(&fit_params, threads).unwrap()), "{threads} threads");
    }
}

#[test]
fn bad_input_is_named() {
    let model = fit(&FitParams { max_steps: 2, ..fit_params() }, 1).unwrap();
    let (mut scratch, mut out) = (RerankScratch::default(), [0.0; 2]);
    let unknown = u32::try_from(ITEMS).unwrap();
    for (history, candidates) in [(&[unknown][..], &[1, 2][..]), (&[1], &[1, unknown])] {
        let found: Vec<Neighbor> = candidates.iter().map(|&id| Neighbor::new(id, 0.0)).collect();
        let refused = model.score_into(history, &found, &mut scratch, &mut out);
        assert!(matches!(refused, Err(RerankError::UnknownItem { item, .. }) if item == unknown));
    }
    let near = |id| Neighbor::new(id, 0.0);
    let short = model.score_into(&[1], &[near(1)], &mut scratch, &mut out);
    assert!(matches!(short, Err(RerankError::Length { expected: 1, got: 2 })));
    assert!(
        model.score_into(&[], &[near(1), near(2)], &mut scratch, &mut out).is_ok(),
        "an empty history weighs nothing"
    );
    assert!(model.score_into(&[1], &[], &mut scratch, &mut []).is_ok());
    let (items, params) = (items(), RerankParams::default());
    let retrieval = Retrieval { users: &Constant(None), items: &items };
    let in_batch = NegativeSampling::in_batch();
    let refused = Reranker::fit(&params, &fit_params(), retrieval, &log(), in_batch, &mut Run::seeded(1));
    assert!(matches!(refused, Err(FitError::Negatives(NegativesError::NotPerExample { .. }))));
    let mut stop = |_: &embed_core::Progress<'_>| embed_core::Flow::Stop;
    let mut run = Run::seeded(1).observed(&mut stop);
    let stopped = Reranker::fit(&params, &fit_params(), retrieval, &log(), candidates(), &mut run).map(drop);
    assert!(matches!(stopped, Err(FitError::Stopped { epochs_done: 0, step: 1, .. })), "{stopped:?}");
    let mut stop = |_: &embed_core::Progress<'_>| embed_core::Flow::Stop;
    let mut run = Run::seeded(1).observed(&mut stop);
    let part = Reranker::fit_until_stopped(&params, &fit_params(), retrieval, &log(), candidates(), &mut run);
    assert!(part.unwrap().report().stopped);
    let refused = fit(&FitParams { table_rate: 1e30, rate: 1e30, ..fit_params() }, 1);
    assert!(
        matches!(refused, Err(FitError::Diverged { .. })),
        "{:?}",
        refused.map(|model| model.report().clone())
    );
}
