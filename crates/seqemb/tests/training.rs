//! What a training learns, and that it learns the same on any number of threads.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use embed_core::{Embedder, Embeddings, Flow, Progress, Run, SeededRng, Sequences, Vocab, kernel};
use seqemb::{Exclude, FitError, ItemVectors, Params, Pooling, Preparation, Scoring, SkipGram, Window};

fn keys(n: usize) -> Vocab {
    Vocab::from_keys((0..n).map(|i| format!("item {i}"))).unwrap()
}

/// Sessions of 8 items, each from one of `groups` groups of 12 items, a tenth of them from anywhere.
fn planted(groups: u32, sessions: usize) -> Sequences {
    let mut rng = SeededRng::new(3);
    let n = groups * 12;
    let rows = (0..sessions).map(|_| {
        let group = rng.below(groups);
        let item = |rng: &mut SeededRng| {
            if rng.below(10) == 0 { rng.below(n) } else { group * 12 + rng.below(12) }
        };
        (0..8).map(|_| item(&mut rng)).collect::<Vec<_>>()
    });
    Sequences::from_rows(n as usize, rows.collect::<Vec<_>>()).unwrap()
}

/// Share of the 5 nearest by cosine that are of the item's own group.
fn agreement(items: &Embeddings) -> f64 {
    let unit = items.normalized();
    let n = u32::try_from(items.len()).unwrap();
    let mut same = 0;
    for a in 0..n {
        let score = |b: &u32| kernel::dot(unit.row(a).unwrap(), unit.row(*b).unwrap());
        let mut others: Vec<u32> = (0..n).filter(|b| *b != a).collect();
        others.sort_by(|x, y| score(y).total_cmp(&score(x)));
        same += others[..5].iter().filter(|b| **b / 12 == a / 12).count();
    }
    f64::from(u32::try_from(same).unwrap()) / f64::from(5 * n)
}

fn small(window: Window) -> Params {
    Params { dim: 16, window, epochs: 8, rate: 0.05, ..Params::default() }
}

#[test]
fn planted_groups_are_recovered() {
    let sessions = planted(8, 1500);
    for (window, exclude) in [
        (Window::Sliding { size: 5, dynamic: true }, Exclude::Context),
        (Window::Sliding { size: 3, dynamic: false }, Exclude::Sequence),
        (Window::Basket { samples: 4 }, Exclude::Sequence),
    ] {
        let params = Params { exclude, ..small(window) };
        let items = SkipGram::fit(&params, &sessions, keys(96), &mut Run::seeded(1)).unwrap();
        let share = agreement(&items.input);
        assert!(share > 0.95, "{window:?}: {share}");
        let losses: Vec<f64> = items.report.epochs.iter().map(|epoch| epoch.loss).collect();
        assert!(losses.windows(2).all(|pair| pair[1] < pair[0]), "{losses:?}");
        assert!(losses[0] < 6.0 * std::f64::consts::LN_2, "below ln 2 a pair, where it starts: {losses:?}");
    }
}

#[test]
fn the_same_bits_on_any_number_of_threads() {
    let sessions = planted(40, 4000);
    for window in [Window::Sliding { size: 5, dynamic: true }, Window::Basket { samples: 10 }] {
        let params = Params { epochs: 2, ..small(window) };
        let fit = |seed, threads| {
            SkipGram::fit(&params, &sessions, keys(480), &mut Run::seeded(seed).threads(threads)).unwrap()
        };
        let one = fit(1, 1);
        for threads in [2, 7] {
            assert!(one == fit(1, threads), "{threads} threads, {window:?}");
        }
        assert_ne!(one.input, fit(2, 1).input, "another seed is another training");
    }
}

#[test]
fn what_a_seed_gives_stays() {
    let params = Params { epochs: 2, ..small(Window::Sliding { size: 5, dynamic: true }) };
    let items = SkipGram::fit(&params, &planted(8, 300), keys(96), &mut Run::seeded(1)).unwrap();
    let report = &items.report;
    let counts: Vec<_> = report.epochs.iter().map(|e| (e.items, e.positives, e.negatives)).collect();
    // Integers are the same on every machine; the loss to rounding.
    assert_eq!(counts, GOLDEN_COUNTS);
    for (epoch, loss) in report.epochs.iter().zip(GOLDEN_LOSSES) {
        assert!((epoch.loss - loss).abs() < 1e-3, "{} instead of {loss}", epoch.loss);
    }
}

const GOLDEN_COUNTS: [(u64, u64, u64); 2] = [(2260, 9069, 44852), (2260, 9096, 45037)];
const GOLDEN_LOSSES: [f64; 2] = [3.511_705, 2.610_506];

#[test]
fn a_user_is_scored_against_the_space_that_was_asked_for() {
    let items = SkipGram::fit(
        &small(Window::Basket { samples: 4 }),
        &planted(8, 1500),
        keys(96),
        &mut Run::seeded(1),
    )
    .unwrap();
    for scoring in [Scoring::InOut, Scoring::InIn] {
        let user = items.pooled(Pooling::default(), scoring);
        let targets = items.targets(scoring);
        assert_eq!(user.space(), targets.space());
        assert!(!user.space().accepts(items.targets(other(scoring)).space()));
        let vector = user.embed(&[12, 13, 14][..]).unwrap();
        let best = (0..96u32)
            .max_by(|&a, &b| {
                let score = |i| kernel::dot(&vector, targets.row(i).unwrap());
                score(a).total_cmp(&score(b))
            })
            .unwrap();
        assert_eq!(best / 12, 1, "{scoring:?}");
    }
}

fn other(scoring: Scoring) -> Scoring {
    match scoring {
        Scoring::InOut => Scoring::InIn,
        Scoring::InIn => Scoring::InOut,
    }
}

/// Trains until the observer has been asked `stop_at` times.
fn stopped_after(stop_at: u32, epochs: u32) -> (ItemVectors, Vec<(u64, u64)>) {
    let mut seen = Vec::new();
    let mut watch = |progress: &Progress<'_>| {
        assert_eq!((progress.stage, progress.unit), ("train", "items"));
        assert!(progress.loss.unwrap().is_finite());
        seen.push((progress.done, progress.total));
        if u32::try_from(seen.len()).unwrap() == stop_at { Flow::Stop } else { Flow::Continue }
    };
    let params = Params {
        epochs,
        negatives: 60,
        window: Window::Sliding { size: 7, dynamic: false },
        preparation: Preparation::NONE,
        ..small(Window::Basket { samples: 1 })
    };
    let mut run = Run::seeded(1).observed(&mut watch);
    let items = SkipGram::fit_until_stopped(&params, &planted(40, 3000), keys(480), &mut run).unwrap();
    (items, seen)
}

#[test]
fn a_stop_keeps_what_is_there() {
    let (whole, seen) = stopped_after(u32::MAX, 4);
    assert_eq!(seen.last(), Some(&(96_000, 96_000)));
    assert!(seen.is_sorted() && seen.len() > 3, "{seen:?}");
    assert!(!whole.report.stopped);
    let (part, seen) = stopped_after(2, 4);
    assert!(part.report.stopped);
    assert!(part.report.epochs_done < 4);
    assert_eq!(part.report.items(), seen.last().unwrap().0, "what was trained on is what was reported");
    assert!(agreement(&part.input) > 0.2, "some of it is learned");
    // What comes after a stop does not change what came before.
    assert_eq!(part.report.epochs[0].positives, whole.report.epochs[0].positives);
}

#[test]
fn a_stopped_training_is_no_model() {
    let mut stop = |_: &Progress<'_>| Flow::Stop;
    let params = Params { epochs: 4, negatives: 60, ..small(Window::Basket { samples: 4 }) };
    let mut run = Run::seeded(1).observed(&mut stop);
    let error = SkipGram::fit(&params, &planted(40, 3000), keys(480), &mut run).unwrap_err();
    assert!(matches!(error, FitError::Stopped { epochs_done: 0..4, epochs: 4 }), "{error}");
}
