//! Training with side information: what it learns, for items with little data and with none, and the same bits always.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use embed_core::{Csr, Embeddings, Run, SeededRng, Sequences, Vocab, kernel};
use seqemb::{
    Architecture, CheckpointError, FitError, Params, SideError, SideInformation, SkipGram, Training, Window,
};

const GROUPS: u32 = 8;
const N: u32 = GROUPS * 12;

fn keys(n: u32) -> Vocab {
    Vocab::from_keys((0..n).map(|i| format!("item {i}"))).unwrap()
}

/// Sessions of items of one group; the last two items of each group come twice in all.
fn sessions(n: usize) -> Sequences {
    let mut rng = SeededRng::new(3);
    let mut rows: Vec<Vec<u32>> = (0..n)
        .map(|_| {
            let group = rng.below(GROUPS);
            (0..8).map(|_| group * 12 + rng.below(10)).collect()
        })
        .collect();
    for group in 0..GROUPS {
        for rare in [10, 11] {
            // Beside an item of another group: what little is known of it misleads.
            let other = (group + 1 + rng.below(GROUPS - 1)) % GROUPS * 12 + rng.below(10);
            rows.push(vec![group * 12 + rare, other]);
            rows.push(vec![group * 12 + rare, group * 12 + rng.below(10)]);
        }
    }
    Sequences::from_rows(N as usize, rows).unwrap()
}

/// The group as a category, and a colour that says nothing; some items have none.
fn side() -> SideInformation {
    let category = Csr::from_rows((0..N).map(|item| [item / 12]));
    let mut rng = SeededRng::new(4);
    let colours = (0..N).map(|item| if item % 5 == 0 { vec![] } else { vec![rng.below(3)] });
    let colours = Csr::from_rows(colours.collect::<Vec<_>>());
    let side = SideInformation::new(N as usize).with("category", GROUPS as usize, category).unwrap();
    side.with("colour", 3, colours).unwrap()
}

fn params() -> Params {
    let window = Window::Sliding { size: 5, dynamic: true };
    Params { dim: 16, window, epochs: 8, rate: 0.05, ..Params::default() }
}

fn train(side: SideInformation, threads: usize) -> (seqemb::ItemVectors, seqemb::SideVectors) {
    let sessions = sessions(600);
    let mut training = Training::with_side(&params(), &sessions, keys(N), side, 1).unwrap();
    let mut run = Run::seeded(1).threads(threads);
    while training.epoch(&sessions, &mut run).unwrap() {}
    let (items, side) = training.finish_with_side().unwrap();
    (items, side.unwrap())
}

/// Share of the 5 nearest to each of `of` that are of its group.
fn agreement(items: &Embeddings, of: impl Iterator<Item = u32>) -> f64 {
    let unit = items.normalized();
    let (mut same, mut all) = (0.0, 0.0);
    for a in of {
        let score = |b: u32| kernel::dot(unit.row(a).unwrap(), unit.row(b).unwrap());
        let mut others: Vec<u32> = (0..N).filter(|b| *b != a).collect();
        others.sort_by(|&x, &y| score(y).total_cmp(&score(x)));
        same += others[..5].iter().filter(|b| **b / 12 == a / 12).count() as f64;
        all += 5.0;
    }
    same / all
}

#[test]
fn items_with_little_data_lean_on_what_they_are_like() {
    let rare = || (0..N).filter(|item| item % 12 >= 10);
    let (items, side) = train(side(), 2);
    let plain = SkipGram::fit(&params(), &sessions(600), keys(N), &mut Run::seeded(1)).unwrap();
    let (with, without) = (agreement(&items.input, rare()), agreement(&plain.input, rare()));
    assert!(with > 0.9 && without < 0.6, "rare items: {with} with side information, {without} without");
    assert!(agreement(&items.input, 0..N) > 0.95);
    let losses: Vec<f64> = items.report.epochs.iter().map(|epoch| epoch.loss).collect();
    assert!(losses.windows(2).all(|pair| pair[1] < pair[0]), "{losses:?}");
    // What says something weighs more than what says nothing.
    let mean = |at: usize| side.weights.column(at).mean().unwrap();
    assert!(mean(1) > mean(2), "category {}, colour {}", mean(1), mean(2));
    for row in side.weights.rows() {
        assert!((row.sum() - 1.0).abs() < 1e-5 && row.iter().all(|w| (0.0..=1.0).contains(w)));
    }
    assert_eq!(side.weights[[0, 2]], 0.0, "a field without a value");
}

#[test]
fn an_item_that_training_never_saw_is_found_by_its_values() {
    let (items, side) = train(side(), 1);
    for group in 0..GROUPS {
        let cold = side.cold(&[vec![group], vec![]]).unwrap().unwrap();
        let best = (0..N)
            .max_by(|&a, &b| {
                let score = |i| kernel::dot(&cold, items.output.row(i).unwrap());
                score(a).total_cmp(&score(b))
            })
            .unwrap();
        assert_eq!(best / 12, group);
    }
    assert_eq!(side.cold(&[vec![], vec![]]).unwrap(), None);
    assert!(matches!(side.cold(&[vec![0]]), Err(SideError::Fields { expected: 2, got: 1 })));
    let error = side.cold(&[vec![0], vec![3]]).unwrap_err();
    assert_eq!(error.to_string(), "value 3 of field \"colour\", which has 3");
}

#[test]
fn the_same_bits_on_any_number_of_threads_and_across_an_interruption() {
    let one = train(side(), 1);
    for threads in [2, 7] {
        assert!(one == train(side(), threads), "{threads} threads");
    }
    let sessions = sessions(600);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("checkpoint");
    let new = || Training::with_side(&params(), &sessions, keys(N), side(), 1).unwrap();
    let mut training = new();
    for _ in 0..3 {
        training.epoch(&sessions, &mut Run::seeded(1)).unwrap();
    }
    training.save(&path).unwrap();
    let mut training = new().restored(&path).unwrap();
    while training.epoch(&sessions, &mut Run::seeded(1)).unwrap() {}
    let (items, vectors) = training.finish_with_side().unwrap();
    assert!((items, vectors.unwrap()) == one);
    let plain = Training::resume(&path, &params(), &sessions, keys(N), 1);
    assert!(matches!(plain, Err(CheckpointError::Store(_))), "not without its side information");
}

#[test]
fn what_does_not_fit_is_named() {
    let rows = |n: u32| Csr::from_rows((0..n).map(|item| [item]));
    let new = || SideInformation::new(4);
    assert!(matches!(new().with("f", 9, rows(3)), Err(SideError::Items { expected: 4, got: 3, .. })));
    let error = new().with("f", 2, rows(4)).unwrap_err();
    assert_eq!(error.to_string(), "item 2 has value 2 of field \"f\", which has 2");
    assert!(matches!(new().with("f", usize::MAX, rows(4)), Err(SideError::TooMany { .. })));
    let sessions = sessions(10);
    let with = |params: &Params, side| Training::with_side(params, &sessions, keys(N), side, 1).map(|_| ());
    assert!(matches!(with(&params(), new()), Err(FitError::Side(SideError::Catalogue { got: 4, .. }))));
    let cbow = Params { architecture: Architecture::Cbow, ..params() };
    assert!(matches!(with(&cbow, side()), Err(FitError::Side(SideError::Kind))));
}
