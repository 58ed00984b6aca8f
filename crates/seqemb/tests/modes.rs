//! Every mode of training: what it learns, the same bits on any number of threads, and across an interruption.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use embed_core::{Embeddings, Flow, Progress, Run, SeededRng, Sequences, Vocab, kernel};
use negsample::{HardNegatives, HardParams, Uniform};
use seqemb::{
    Architecture, CheckpointError, Exclude, FitError, Objective, Params, SkipGram, Subsample, Tables,
    Training, Window,
};

fn keys(n: u32) -> Vocab {
    Vocab::from_keys((0..n).map(|i| format!("item {i}"))).unwrap()
}

/// Sessions of 8 items, each from one of `groups` groups of 12 items.
fn planted(groups: u32, sessions: usize) -> Sequences {
    let mut rng = SeededRng::new(3);
    let rows = (0..sessions).map(|_| {
        let group = rng.below(groups);
        (0..8).map(|_| group * 12 + rng.below(12).min(rng.below(12))).collect::<Vec<_>>()
    });
    Sequences::from_rows(12 * groups as usize, rows.collect::<Vec<_>>()).unwrap()
}

/// Share of the 5 best of `targets` for each of `items` that are of the item's own group.
fn agreement(items: &Embeddings, targets: &Embeddings) -> f64 {
    let n = u32::try_from(items.len()).unwrap();
    let mut same = 0;
    for a in 0..n {
        let score = |b: u32| kernel::dot(items.row(a).unwrap(), targets.row(b).unwrap());
        let mut others: Vec<u32> = (0..n).filter(|b| *b != a).collect();
        others.sort_by(|&x, &y| score(y).total_cmp(&score(x)));
        same += others[..5].iter().filter(|b| **b / 12 == a / 12).count();
    }
    f64::from(u32::try_from(same).unwrap()) / f64::from(5 * n)
}

fn base() -> Params {
    let window = Window::Sliding { size: 5, dynamic: true };
    Params { dim: 16, window, epochs: 8, rate: 0.05, exclude: Exclude::Sequence, ..Params::default() }
}

fn modes() -> Vec<(&'static str, Params)> {
    let cbow = Params { architecture: Architecture::Cbow, rate: 0.2, ..base() };
    let tree = Params { objective: Objective::HierarchicalSoftmax, ..base() };
    vec![
        ("skip-gram", base()),
        ("skip-gram, tree", tree.clone()),
        ("cbow", cbow.clone()),
        (
            "cbow, tree",
            Params { objective: Objective::HierarchicalSoftmax, rate: 0.05, epochs: 16, ..cbow.clone() },
        ),
        ("skip-gram, one table", Params { tables: Tables::Shared, ..base() }),
        ("cbow, one table", Params { tables: Tables::Shared, ..cbow.clone() }),
        ("cbow, basket", Params { window: Window::Basket { samples: 4 }, ..cbow }),
        ("subsampled", Params { subsample: Some(Subsample::Code(5e-3)), ..base() }),
        ("subsampled, paper", Params { subsample: Some(Subsample::Paper(5e-3)), ..base() }),
    ]
}

#[test]
fn every_mode_recovers_planted_groups() {
    let sessions = planted(8, 2000);
    for (name, params) in modes() {
        let items = SkipGram::fit(&params, &sessions, keys(96), &mut Run::seeded(1)).unwrap();
        let like = agreement(&items.input.normalized(), &items.input.normalized());
        let with = agreement(&items.input, &items.output);
        let losses: Vec<f64> = items.report.epochs.iter().map(|epoch| epoch.loss).collect();
        // The output table of a tree is a first-order term.
        let least = if params.objective == Objective::HierarchicalSoftmax { 0.85 } else { 0.95 };
        assert!(like > 0.95 && with > least, "{name}: in×in {like}, in×out {with}, {losses:?}");
        assert!(losses[0] > losses[losses.len() - 1], "{name}: {losses:?}");
    }
}

#[test]
fn every_mode_gives_the_same_bits_on_any_number_of_threads() {
    let sessions = planted(40, 2000);
    for (name, params) in modes() {
        let params = Params { epochs: 2, ..params };
        let fit = |threads| {
            SkipGram::fit(&params, &sessions, keys(480), &mut Run::seeded(1).threads(threads)).unwrap()
        };
        let one = fit(1);
        for threads in [2, 7] {
            assert!(one == fit(threads), "{name} on {threads} threads");
        }
    }
}

#[test]
fn a_resumed_training_gives_the_bits_of_an_uninterrupted_one() {
    let sessions = planted(8, 500);
    let dir = tempfile::tempdir().unwrap();
    for (name, params) in modes() {
        let path = dir.path().join(name);
        let params = Params { epochs: 6, ..params };
        let whole = SkipGram::fit(&params, &sessions, keys(96), &mut Run::seeded(1)).unwrap();
        // Stopped at the end of the fourth pass and within the fifth, the checkpoint is of the fourth.
        let stop_from = 4 * whole.report.preparation.items_kept + 1;
        let mut stop = |p: &Progress<'_>| if p.done >= stop_from { Flow::Stop } else { Flow::Continue };
        let mut run = Run::seeded(1).observed(&mut stop);
        let mut training = Training::new(&params, &sessions, keys(96), 1).unwrap();
        for _ in 0..4 {
            training.epoch(&sessions, &mut run).unwrap();
        }
        training.save(&path).unwrap();
        training.epoch(&sessions, &mut run).unwrap();
        let resumed =
            SkipGram::fit_checkpointed(&params, &sessions, keys(96), &path, 1, &mut Run::seeded(1)).unwrap();
        assert!(resumed == whole, "{name}");
        // All is done: nothing is trained again.
        let again =
            SkipGram::fit_checkpointed(&params, &sessions, keys(96), &path, 1, &mut Run::seeded(1)).unwrap();
        assert!(again == whole, "{name}, taken up after the end");
    }
}

#[test]
fn a_stop_keeps_the_last_checkpoint() {
    let sessions = planted(8, 500);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("checkpoint");
    let params = Params { epochs: 40, negatives: 60, ..base() };
    let whole = SkipGram::fit(&params, &sessions, keys(96), &mut Run::seeded(1)).unwrap();
    let mut reports = 0;
    let mut stop = |_: &Progress<'_>| {
        reports += 1;
        if reports == 2 { Flow::Stop } else { Flow::Continue }
    };
    let mut run = Run::seeded(1).observed(&mut stop);
    let stopped = SkipGram::fit_checkpointed(&params, &sessions, keys(96), &path, 3, &mut run).unwrap_err();
    assert!(
        matches!(stopped, CheckpointError::Fit(FitError::Stopped { epochs_done: 4..40, epochs: 40 })),
        "{stopped}"
    );
    let resumed =
        SkipGram::fit_checkpointed(&params, &sessions, keys(96), &path, 3, &mut Run::seeded(1)).unwrap();
    assert!(resumed == whole);
}

#[test]
fn a_checkpoint_of_another_training_is_refused() {
    let sessions = planted(8, 200);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("checkpoint");
    let params = Params { epochs: 2, ..base() };
    SkipGram::fit_checkpointed(&params, &sessions, keys(96), &path, 1, &mut Run::seeded(1)).unwrap();
    let other = |params: &Params, sessions: &Sequences, keys: Vocab, seed| match Training::resume(
        &path, params, sessions, keys, seed,
    ) {
        Err(CheckpointError::Other { what }) => what,
        got => panic!("{:?}", got.map(|_| ())),
    };
    assert_eq!(other(&Params { epochs: 3, ..params.clone() }, &sessions, keys(96), 1), "other settings");
    assert_eq!(other(&params, &sessions, keys(96), 2), "another seed");
    assert_eq!(other(&params, &planted(8, 201), keys(96), 1), "other sequences");
    let renamed = Vocab::from_keys((0..96).map(|i| format!("thing {i}"))).unwrap();
    assert_eq!(other(&params, &sessions, renamed, 1), "other keys");
    // Every cut of the file and every flipped byte is an error.
    let bytes = std::fs::read(&path).unwrap();
    let broken = dir.path().join("broken");
    for at in (0..bytes.len()).step_by(97) {
        std::fs::write(&broken, &bytes[..at]).unwrap();
        assert!(Training::resume(&broken, &params, &sessions, keys(96), 1).is_err(), "cut at {at}");
        let mut flipped = bytes.clone();
        flipped[at] ^= 0x10;
        std::fs::write(&broken, flipped).unwrap();
        assert!(Training::resume(&broken, &params, &sessions, keys(96), 1).is_err(), "flipped at {at}");
    }
}

#[test]
fn a_stop_within_a_pass_cannot_be_saved() {
    let sessions = planted(40, 40_000);
    let params = Params { negatives: 20, ..base() };
    let mut stop = |_: &Progress<'_>| Flow::Stop;
    let mut training = Training::new(&params, &sessions, keys(480), 1).unwrap();
    assert!(!training.epoch(&sessions, &mut Run::seeded(1).observed(&mut stop)).unwrap());
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("checkpoint");
    assert!(matches!(training.save(&path), Err(CheckpointError::Midway { epoch: 0 })));
    assert!(!path.exists() && !training.is_done());
}

#[test]
fn training_goes_on_with_new_items_and_keeps_the_old() {
    let old = SkipGram::fit(&base(), &planted(6, 1500), keys(72), &mut Run::seeded(1)).unwrap();
    // Two new groups; of the old ones only the first comes again.
    let mut rng = SeededRng::new(9);
    let rows: Vec<Vec<u32>> = (0..600)
        .map(|_| {
            let group = [0, 6, 7][rng.below(3) as usize];
            (0..8).map(|_| group * 12 + rng.below(12)).collect()
        })
        .collect();
    let sessions = Sequences::from_rows(96, rows).unwrap();
    let params = Params { rate: 0.03, ..base() };
    let mut training = Training::from_vectors(&old, &params, &sessions, keys(96), 2).unwrap();
    while training.epoch(&sessions, &mut Run::seeded(2)).unwrap() {}
    let new = training.finish().unwrap();
    let share = agreement(&new.input.normalized(), &new.input.normalized());
    assert!(share > 0.95, "{share}");
    for item in 12..72 {
        assert_eq!(new.input.row(item), old.input.row(item), "an item that did not come again");
    }
    let fail =
        |params: &Params, keys: Vocab| Training::from_vectors(&old, params, &sessions, keys, 2).map(|_| ());
    let moved = Vocab::from_keys((0..96).map(|i| format!("item {}", 95 - i))).unwrap();
    assert!(matches!(fail(&params, moved), Err(FitError::Keys { row: 0, .. })));
    assert!(matches!(
        fail(&Params { dim: 8, ..params.clone() }, keys(96)),
        Err(FitError::Dimension { expected: 16, got: 8 })
    ));
    let tree = Params { objective: Objective::HierarchicalSoftmax, ..params };
    assert!(matches!(fail(&tree, keys(96)), Err(FitError::Tree)));
}

#[test]
fn any_sampler_serves_and_one_that_wants_vectors_gets_them() {
    use embed_core::testkit::exact_top_k;
    use embed_core::{AnnIndex, ItemId, Metric, Neighbor, SearchError, SearchRequest, Stop};
    use ndarray::{Array2, ArrayView2};

    struct Exact(Array2<f32>);
    impl AnnIndex for Exact {
        fn dim(&self) -> usize {
            self.0.ncols()
        }
        fn len(&self) -> usize {
            self.0.nrows()
        }
        fn metric(&self) -> Metric {
            Metric::InnerProduct
        }
        fn space(&self) -> embed_core::Space {
            embed_core::Space::ANY
        }
        fn vector_into(&self, id: ItemId, out: &mut [f32]) -> Result<(), SearchError> {
            out.copy_from_slice(self.0.row(id as usize).as_slice().unwrap());
            Ok(())
        }
        fn search_into(
            &self,
            query: &[f32],
            request: &SearchRequest<'_>,
            out: &mut Vec<Neighbor>,
        ) -> Result<(), SearchError> {
            let Stop::K(k) = request.stop else { panic!("a number") };
            *out = exact_top_k(self.0.view(), Metric::InnerProduct, query, k, request.filter);
            Ok(())
        }
    }
    let sessions = planted(8, 300);
    let fit = |threads| {
        let build = |rows: ArrayView2<'_, f32>| Ok(Box::new(Exact(rows.to_owned())) as Box<dyn AnnIndex>);
        let params = HardParams { skip: 0, band: 30, refresh_every: 2, ..Default::default() };
        let hard = HardNegatives::rebuilt(96, params, build).unwrap();
        let schedule = negsample::Schedule { warm_up: 1, share: 0.3, ..Default::default() };
        let mut sampler = negsample::Curriculum::new(Uniform::new(96).unwrap(), hard, schedule).unwrap();
        let params = Params { epochs: 3, ..base() };
        SkipGram::fit_with(&params, &sessions, keys(96), &mut sampler, &mut Run::seeded(1).threads(threads))
            .unwrap()
    };
    let one = fit(1);
    assert!(one == fit(2));
    assert!(one.report.pairs() > 0 && agreement(&one.input, &one.output) > 0.5);
}

#[test]
fn a_sampler_that_is_not_used_cannot_be_passed() {
    let params = Params { objective: Objective::HierarchicalSoftmax, ..base() };
    let uniform = Uniform::new(96).unwrap();
    let fitted = SkipGram::fit_with(&params, &planted(8, 50), keys(96), uniform, &mut Run::seeded(1));
    assert!(matches!(fitted, Err(FitError::UnusedSampler)));
}
